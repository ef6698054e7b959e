// Package checkpoint is checkpoints as files: an image (package image) with its pages
// and files, sealed under the cluster's key. FORMAT.md has the layout.
//
// What is read has been authenticated, and Open reads all of a file before it says that
// there is one: a file that is cut short, changed, put together of several or of another
// cluster is refused before anybody acts on it. Where files are kept, and which of
// several of the same process is the newest, is for others (servers/checkpoints).
package checkpoint
