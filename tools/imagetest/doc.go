// Package imagetest checks the encoding of what image.Marshal encodes against golden
// files: its bytes in hex, with what they mean beside them.
package imagetest
