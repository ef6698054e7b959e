// Package table finds values by 128-bit keys: addresses and ports.
//
// It stands where a Go map could, for three reasons. A lookup costs a multiply
// and a compare, where the map hashes with AES instructions that an emulated
// CPU runs a hundred times slower. The values are pointers that the owner also
// keeps in lists, so there is nothing to copy. And walking it has one order for
// one history and seed, so simulations repeat.
package table
