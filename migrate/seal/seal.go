// Package seal encrypts and authenticates small secrets: the private addresses and
// get-ports in a process's image. It is built from SHA-3 alone, because AES costs
// the kernel 32 MB of memory it does not have: a SHAKE-256 key stream, then a tag
// over nonce and ciphertext (encrypt-then-MAC), each under a key of its own.
//
// At some 30 µs a KB on an emulated CPU it is for descriptors, not for pages.
package seal

import (
	"crypto/sha3"
	"errors"

	"motile/ipc/capability"
)

const (
	nonceSize = 16
	tagSize   = 16

	// Overhead is how much longer a sealed text is.
	Overhead = nonceSize + tagSize
)

// ErrSeal says that a text was not sealed with this key, or was changed since.
var ErrSeal = errors.New("seal is broken: another key, or the text was changed")

// Seal returns nonce, ciphertext and tag. The nonce must be fresh for each text.
func Seal(key *[32]byte, nonce [nonceSize]byte, text []byte) []byte {
	out := make([]byte, 0, len(text)+Overhead)
	out = append(out, nonce[:]...)
	out = append(out, text...)
	stream(key, nonce[:], out[nonceSize:])
	tag := capability.OneWay("motile seal tag", key[:], out)
	return append(out, tag[:]...)
}

// Open returns the text, or ErrSeal.
func Open(key *[32]byte, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrSeal
	}
	body, tag := sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	want := capability.OneWay("motile seal tag", key[:], body)
	diff := byte(0)
	for i := range want {
		diff |= want[i] ^ tag[i]
	}
	if diff != 0 {
		return nil, ErrSeal
	}
	text := append([]byte(nil), body[nonceSize:]...)
	stream(key, body[:nonceSize], text)
	return text, nil
}

// stream xors the key stream into b.
func stream(key *[32]byte, nonce, b []byte) {
	h := sha3.NewSHAKE256()
	for _, p := range [][]byte{[]byte("motile seal stream"), key[:], nonce} {
		_, _ = h.Write(p) // never fails
	}
	var pad [136]byte
	for len(b) > 0 {
		n, _ := h.Read(pad[:min(len(pad), len(b))])
		for i := range n {
			b[i] ^= pad[i]
		}
		b = b[n:]
	}
}
