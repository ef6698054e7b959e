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

// BulletStore is the Storage of a server in a cluster: files are Bullet servers', and
// the anchor is a row of a directory.
type BulletStore struct {
	Bullet  *bullet.Client
	Servers []BulletServer
	Soap    *soap.Client
	Dir     string // the anchor's directory
	Name    string // and its name there

	// What the anchor was at last, and the row that said so.
	last File
	row  capability.Set
}

// BulletServer is one, and what its disk is called.
type BulletServer struct {
	Server capability.Capability
	Name   string
}

// atOnce is how many files are made or removed at a time: they have Bullet's syncs
// together.
const atOnce = 8

// each does something for all numbers below n, several at a time, and returns what went
// wrong.
func each(n int, do func(i int) error) error {
	if n == 1 {
		return do(0)
	}
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

// Disks implements Storage.
func (b *BulletStore) Disks() (list []Disk) {
	for _, x := range b.Servers {
		list = append(list, Disk{x.Name, x.Server.Port})
	}
	return list
}

// Create implements Storage.
func (b *BulletStore) Create(at []int, tag Tag, files [][]byte) ([]File, []error) {
	made, errs := make([]File, len(files)), make([]error, len(at))
	var all sync.WaitGroup
	for k, i := range at {
		all.Go(func() {
			var failed atomic.Bool
			errs[k] = each(len(files), func(j int) error {
				if failed.Load() {
					return nil // one that does not answer need not be waited for many times
				}
				c, err := b.Bullet.CreateTagged(b.Servers[i].Server, uint64(tag), files[j], bullet.Safe)
				if err != nil {
					failed.Store(true)
					return err
				}
				made[j][i] = c
				return nil
			})
		})
	}
	all.Wait()
	return made, errs
}

// Get implements Storage.
func (b *BulletStore) Get(_ int, file capability.Capability) ([]byte, error) {
	return b.Bullet.Get(file)
}

// Read implements Storage.
func (b *BulletStore) Read(_ int, file capability.Capability, size int) ([]byte, error) {
	data := make([]byte, size)
	n, err := b.Bullet.Read(file, data, 0)
	if err == nil && n < size {
		err = std.SysErr
	}
	return data, err
}

// Destroy implements Storage.
func (b *BulletStore) Destroy(at []int, files []File) []error {
	errs := make([]error, len(at))
	var all sync.WaitGroup
	for k, i := range at {
		var list []capability.Capability
		for _, f := range files {
			if !f[i].IsNull() {
				list = append(list, f[i])
			}
		}
		if len(list) > 0 {
			all.Go(func() { errs[k] = b.Bullet.DestroyMany(b.Servers[i].Server, list) })
		}
	}
	all.Wait()
	return errs
}

// Tagged implements Storage.
func (b *BulletStore) Tagged(disk int, tag Tag) ([]capability.Capability, error) {
	return b.Bullet.Tagged(b.Servers[disk].Server, uint64(tag))
}

// Anchor implements Storage.
func (b *BulletStore) Anchor() (File, error) {
	set, err := b.Soap.Lookup(b.Dir + "/" + b.Name)
	if errors.Is(err, std.NotFound) {
		return File{}, nil
	}
	if err != nil {
		return File{}, err
	}
	var copies []capability.Capability
	for _, m := range set.Members {
		if m.Current {
			copies = append(copies, m.Cap)
		}
	}
	f, elsewhere := arrange(copies, b.Disks())
	if elsewhere || len(copies) == 0 {
		return File{}, fmt.Errorf("%s/%s: %w", b.Dir, b.Name, errElsewhere)
	}
	b.last, b.row = f, set
	return f, nil
}

// Install implements Storage.
func (b *BulletStore) Install(old, new File) error {
	dir, err := b.Soap.Lookup(b.Dir)
	if errors.Is(err, std.NotFound) && old.IsNull() {
		if err = b.Soap.Mkdir(b.Dir); err == nil || errors.Is(err, std.Exists) {
			dir, err = b.Soap.Lookup(b.Dir)
		}
	}
	if err != nil {
		return err
	}
	row := capability.Set{Wanted: uint8(len(b.Servers))}
	for _, c := range new {
		if !c.IsNull() {
			row.Members = append(row.Members, capability.Member{Cap: c, Current: true})
		}
	}
	change := std.SoapChange{Dir: soap.First(dir), Expect: std.SoapAbsent, Row: std.SoapRow{Name: b.Name, Set: row}}
	if !old.IsNull() {
		if b.last != old {
			return ErrTaken
		}
		change.Expect, change.Old = std.SoapEquals, b.row
	}
	if err = b.Soap.Install(change); errors.Is(err, std.SoapClash) {
		return ErrTaken
	}
	if err == nil {
		b.last, b.row = new, row
	}
	return err
}

// Room implements Storage: what Bullet's status says.
func (b *BulletStore) Room(disk int) (int64, error) {
	server := b.Servers[disk].Server
	if err := b.Bullet.Sync(server); err != nil { // blocks of files are free when that is stable
		return 0, err
	}
	text, err := b.Bullet.Status(server)
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
