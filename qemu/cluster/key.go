package cluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"motile/proc/api"
)

// LoadKey reads the cluster's key.
func (d Dir) LoadKey() (api.Key, error) {
	text, err := os.ReadFile(d.Key())
	if err != nil {
		return api.Key{}, fmt.Errorf("cluster key: %w", err)
	}
	k, err := api.ParseKey(string(text))
	if err != nil {
		return api.Key{}, fmt.Errorf("cluster key %s is damaged (%w): remove it, and a new one is made", d.Key(), err)
	}
	return k, nil
}

// ensureKey makes the key unless there is one. It is written beside its place
// and linked there, so that nobody ever reads half a key.
func (d Dir) ensureKey() (api.Key, error) {
	k, err := d.LoadKey()
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	rand.Read(k[:])                               // never fails
	file, err := os.CreateTemp(string(d), "key-") // mode 0600
	if err != nil {
		return k, fmt.Errorf("cluster key: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = fmt.Fprintf(file, "%x\n", k)
	if err = errors.Join(err, file.Close()); err != nil {
		return k, fmt.Errorf("cluster key: %w", err)
	}
	return k, os.Link(file.Name(), d.Key())
}
