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

// ErrSeal says that a text was not sealed with this key, or not for this purpose, or was
// changed since.
var ErrSeal = errors.New("seal is broken: another key, another move or checkpoint, or the text was changed")

// Seal returns nonce, ciphertext and tag. The nonce must be fresh for each text. bound
// is what the text belongs to, the move or the checkpoint: it is not in the result, and
// who opens the seal must know it.
func Seal(key *[32]byte, nonce [nonceSize]byte, bound, text []byte) []byte {
	out := make([]byte, 0, len(text)+Overhead)
	out = append(out, nonce[:]...)
	out = append(out, text...)
	stream(key, nonce[:], out[nonceSize:])
	tag := capability.OneWay("motile seal tag", key[:], bound, out)
	return append(out, tag[:]...)
}

// Open returns the text, or ErrSeal.
func Open(key *[32]byte, bound, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrSeal
	}
	body, tag := sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	want := capability.OneWay("motile seal tag", key[:], bound, body)
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
