// Package checkpoints keeps checkpoints in files, on a host or a node: a file is there
// whole or not at all, and an old one is not taken for the newest.
package checkpoints
