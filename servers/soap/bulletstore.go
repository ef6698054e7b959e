package soap

import (
	"errors"
	"sync"

	"motile/ipc/capability"
	bullet "motile/servers/bullet/client"
)

// BulletStore keeps a replica's files at a Bullet server.
type BulletStore struct {
	Client *bullet.Client
	Server capability.Capability
}

// atOnce is how many files are made at a time: they have the server's syncs together.
const atOnce = 8

// Create makes files that stay.
func (b *BulletStore) Create(files [][]byte, tag Tag) ([]capability.Capability, error) {
	if len(files) == 1 {
		file, err := b.Client.CreateTagged(b.Server, uint64(tag), files[0], bullet.Safe)
		return []capability.Capability{file}, err
	}
	made := make([]capability.Capability, len(files))
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for first := range min(atOnce, len(files)) {
		all.Go(func() {
			for i := first; i < len(files); i += atOnce {
				made[i], errs[i] = b.Client.CreateTagged(b.Server, uint64(tag), files[i], bullet.Safe)
			}
		})
	}
	all.Wait()
	return made, errors.Join(errs...)
}

// Get reads a file.
func (b *BulletStore) Get(file capability.Capability) ([]byte, error) { return b.Client.Get(file) }

// Destroy removes files.
func (b *BulletStore) Destroy(files []capability.Capability) error {
	return b.Client.DestroyMany(b.Server, files)
}

// Tagged lists the files with a tag.
func (b *BulletStore) Tagged(tag Tag) ([]capability.Capability, error) {
	return b.Client.Tagged(b.Server, uint64(tag))
}
