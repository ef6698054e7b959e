package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// KeyBytes is the length of the cluster key.
const KeyBytes = 32

// Key is the secret that all nodes of a cluster and its owner share.
type Key [KeyBytes]byte

// LoadKey reads the cluster's key.
func (d Dir) LoadKey() (Key, error) {
	text, err := os.ReadFile(d.Key())
	if err != nil {
		return Key{}, fmt.Errorf("cluster key: %w", err)
	}
	var k Key
	if n, err := hex.Decode(k[:], []byte(strings.TrimSpace(string(text)))); err != nil || n != KeyBytes {
		return Key{}, fmt.Errorf("cluster key %s is damaged: it should be %d hexadecimal digits; remove it, and a new one is made", d.Key(), 2*KeyBytes)
	}
	return k, nil
}

// ensureKey makes the key unless there is one. It is written beside its place
// and linked there, so that nobody ever reads half a key.
func (d Dir) ensureKey() error {
	_, err := d.LoadKey()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var k Key
	rand.Read(k[:])                               // never fails
	file, err := os.CreateTemp(string(d), "key-") // mode 0600
	if err != nil {
		return fmt.Errorf("cluster key: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = fmt.Fprintf(file, "%x\n", k)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("cluster key: %w", err)
	}
	return os.Link(file.Name(), d.Key())
}
