package seal

import (
	"bytes"
	"testing"
)

func TestSeal_OpensWithItsKeyOnly(t *testing.T) {
	key := [32]byte{1}
	for n := range 300 {
		text := bytes.Repeat([]byte{byte(n)}, n)
		sealed := Seal(&key, [16]byte{byte(n)}, text)
		if len(sealed) != n+Overhead {
			t.Fatalf("%d bytes sealed to %d", n, len(sealed))
		}
		got, err := Open(&key, sealed)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: opened to %x, %v", n, got, err)
		}
	}
	sealed := Seal(&key, [16]byte{}, []byte("a private address"))
	if bytes.Contains(sealed, []byte("private")) {
		t.Error("the text shows through")
	}
	other := [32]byte{2}
	if _, err := Open(&other, sealed); err != ErrSeal {
		t.Errorf("another key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x10
		if _, err := Open(&key, bad); err != ErrSeal {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	if _, err := Open(&key, sealed[:Overhead-1]); err != ErrSeal {
		t.Errorf("cut short: %v", err)
	}
}

// Sealed images outlive the program that wrote them.
func TestSeal_Golden(t *testing.T) {
	key := [32]byte{7}
	a := Seal(&key, [16]byte{9}, []byte("motile"))
	b := Seal(&key, [16]byte{9}, []byte("motile"))
	if !bytes.Equal(a, b) {
		t.Error("sealing is not a function of key, nonce and text")
	}
}
