package seal

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestSeal_OpensWithItsKeyOnly(t *testing.T) {
	key := [32]byte{1}
	for n := range 300 {
		text := bytes.Repeat([]byte{byte(n)}, n)
		sealed := Seal(&key, [16]byte{byte(n)}, text[:n/2], text)
		if len(sealed) != n+Overhead {
			t.Fatalf("%d bytes sealed to %d", n, len(sealed))
		}
		got, err := Open(&key, text[:n/2], sealed)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: opened to %x, %v", n, got, err)
		}
	}
	bound := []byte("move 3")
	sealed := Seal(&key, [16]byte{}, bound, []byte("a private address"))
	if bytes.Contains(sealed, []byte("private")) {
		t.Error("the text shows through")
	}
	other := [32]byte{2}
	if _, err := Open(&other, bound, sealed); err != ErrSeal {
		t.Errorf("another key: %v", err)
	}
	for _, b := range []string{"move 4", "", "move 3 "} {
		if _, err := Open(&key, []byte(b), sealed); err != ErrSeal {
			t.Errorf("opened for %q: %v", b, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x10
		if _, err := Open(&key, bound, bad); err != ErrSeal {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	if _, err := Open(&key, bound, sealed[:Overhead-1]); err != ErrSeal {
		t.Errorf("cut short: %v", err)
	}
}

// Sealed images outlive the program that wrote them.
func TestSeal_Golden(t *testing.T) {
	const want = "09000000000000000000000000000000d38517a0e8f7431297c448dd4f735b26b0181f8e0073"
	key := [32]byte{7}
	if got := hex.EncodeToString(Seal(&key, [16]byte{9}, []byte("checkpoint"), []byte("motile"))); got != want {
		t.Errorf("sealed %s, want %s", got, want)
	}
}
