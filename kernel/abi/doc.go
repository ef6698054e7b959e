// Package abi is the vocabulary the kernel shares with user programs and with
// its own lowest layer: saved registers, Linux system call and error numbers,
// signal numbers, limits. It has no code beyond the names.
package abi
