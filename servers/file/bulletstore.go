package file

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"motile/ipc/capability"
	"motile/ipc/std"
	bullet "motile/servers/bullet/client"
	soap "motile/servers/soap/client"
)

// BulletStore is the Storage of a server in a cluster: files are a Bullet server's, and
// the anchor is a row of a directory.
type BulletStore struct {
	Bullet *bullet.Client
	Server capability.Capability // of Bullet
	Soap   *soap.Client
	Dir    string // the anchor's directory
	Name   string // and its name there
}

// atOnce is how many files are made or removed at a time: they have Bullet's syncs
// together.
const atOnce = 8

// each does something for all numbers below n, several at a time, and returns what went
// wrong.
func each(n int, do func(i int) error) error {
	var all sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, n)
	for range min(atOnce, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = do(i)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Create implements Storage.
func (b *BulletStore) Create(tag Tag, files [][]byte) ([]capability.Capability, error) {
	made := make([]capability.Capability, len(files))
	err := each(len(files), func(i int) (err error) {
		made[i], err = b.Bullet.CreateTagged(b.Server, uint64(tag), files[i], bullet.Safe)
		if err != nil {
			made[i] = capability.Capability{}
		}
		return err
	})
	return made, err
}

// Get implements Storage.
func (b *BulletStore) Get(file capability.Capability) ([]byte, error) { return b.Bullet.Get(file) }

// Read implements Storage.
func (b *BulletStore) Read(file capability.Capability, size int) ([]byte, error) {
	data := make([]byte, size)
	n, err := b.Bullet.Read(file, data, 0)
	if err == nil && n < size {
		err = std.SysErr
	}
	return data, err
}

// Destroy implements Storage.
func (b *BulletStore) Destroy(files []capability.Capability) {
	_ = b.Bullet.DestroyMany(b.Server, files)
}

// Tagged implements Storage.
func (b *BulletStore) Tagged(tag Tag) ([]capability.Capability, error) {
	return b.Bullet.Tagged(b.Server, uint64(tag))
}

// Anchor implements Storage.
func (b *BulletStore) Anchor() (capability.Capability, error) {
	set, err := b.Soap.Lookup(b.Dir + "/" + b.Name)
	if errors.Is(err, std.NotFound) {
		return capability.Capability{}, nil
	}
	return soap.First(set), err
}

// Install implements Storage.
func (b *BulletStore) Install(old, new capability.Capability) error {
	dir, err := b.Soap.Lookup(b.Dir)
	if errors.Is(err, std.NotFound) && old.IsNull() {
		if err = b.Soap.Mkdir(b.Dir); err == nil || errors.Is(err, std.Exists) {
			dir, err = b.Soap.Lookup(b.Dir)
		}
	}
	if err != nil {
		return err
	}
	change := std.SoapChange{Dir: soap.First(dir), Expect: std.SoapAbsent, Row: std.SoapRow{Name: b.Name, Set: soap.Cap(new)}}
	if !old.IsNull() {
		change.Expect, change.Old = std.SoapEquals, soap.Cap(old)
	}
	if err = b.Soap.Install(change); errors.Is(err, std.SoapClash) {
		return ErrTaken
	}
	return err
}

// Room implements Storage: what Bullet's status says.
func (b *BulletStore) Room() (int64, error) {
	if err := b.Bullet.Sync(b.Server); err != nil { // blocks of files are free when that is stable
		return 0, err
	}
	text, err := b.Bullet.Status(b.Server)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "free %d KB", &kb); n == 1 {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("the status of the Bullet server has no line of what is free: %q", text)
}
