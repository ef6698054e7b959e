// Package screen shows what a terminal of the usual kind has on it when a program has
// written some bytes: as much of it as full-screen programs such as vi and less use.
package screen
