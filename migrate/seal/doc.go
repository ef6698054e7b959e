// Package seal encrypts and authenticates small secrets: the private addresses and
// get-ports in a process's image. It is built from SHA-3 alone, because AES costs
// the kernel 32 MB of memory it does not have: a SHAKE-256 key stream, then a tag
// over nonce and ciphertext (encrypt-then-MAC), each under a key of its own.
//
// At some 30 µs a KB on an emulated CPU it is for descriptors, not for pages.
package seal
