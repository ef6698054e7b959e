package bullet

import (
	"sync"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Config is what a Store needs besides its disk.
type Config struct {
	Port       capability.Port   // put-port of the server
	Secret     capability.Secret // of the server itself, object 0
	Random     func() uint64     // an unpredictable source; called by one goroutine at a time
	CacheBytes int               // of files, in memory
	Ahead      bool              // read ahead, by goroutines of its own
	Say        func(string)      // tells people what they should know; may be nil
}

// Store is a mounted disk. Its methods may be called from any goroutine; the pure ones
// hold mu, and no method holds it while the disk works.
type Store struct {
	disk Disk
	cfg  Config
	sb   superblock

	mu      sync.Mutex
	changed sync.Cond // a batch has gone a step further, or a chunk was read
	files   []*file   // by number; nil: free
	count   int
	lowest  uint64 // no number below is free
	space   space
	cache   cache
	gather  *batch // what the next step takes up
	leading bool   // somebody does a step
	batches uint64 // number of the last step
	stable  uint64 // of the last that is on stable storage, as are all before
	noted   uint64 // what the disk says of that
	ticked  uint64 // stable, at the last Tick

	heldBytes int // of contents that wait for their batch

	compacting bool
	broken     error // the disk could not be written: only reading goes on
	stats      stats
}

// file is one of them. A committed file does not change, but for its place.
type file struct {
	number uint64
	secret capability.Secret
	tag    uint64
	size   uint64
	ext    *extent
	sum    uint32 // of the contents, if summed
	held   []byte // the contents, until they are written
	gone   bool
	record inode // what the disk has of it, or has been told: zeros if nothing

	open   bool // not committed
	left   int  // ages until it expires, while it is open
	summed bool
	change sync.Mutex // of an open file: whoever changes it

	next uint64 // where somebody who reads on would read
}

// extent is a file's blocks. They are not free for others while somebody reads or
// writes them.
type extent struct {
	run
	pins    int
	dropped bool
}

type stats struct {
	created, committed, destroyed, expired uint64
	reads, readBytes, hits, misses         uint64
	steps, shared                          uint64 // of commits; files that had a step in common with others
	moved                                  uint64 // by compaction
	noSpace                                uint64
}

// lifetime is how many ages an open file lives that nobody changes or touches.
const lifetime = 10

// pin keeps a file's blocks where they are.
func (s *Store) pin(f *file) *extent {
	f.ext.pins++
	return f.ext
}

func (s *Store) unpin(e *extent) {
	if e.pins--; e.pins == 0 && e.dropped {
		s.space.give(e.start, e.n)
	}
}

// drop gives blocks back that no inode on the disk can stand for.
func (s *Store) drop(e *extent) {
	if e.dropped = true; e.pins == 0 {
		s.space.give(e.start, e.n)
	}
}

// room takes blocks. If there are none but of files whose end is not on stable storage
// yet, it waits for that; if there are enough but in pieces, it brings them together.
func (s *Store) room(n uint64) (*extent, bool) {
	if n == 0 {
		return &extent{run: run{start: s.sb.data}}, true
	}
	for try := 0; ; try++ {
		if start, ok := s.space.take(n); ok {
			return &extent{run: run{start, n}}, true
		}
		st := std.OK
		switch {
		case try == 0:
			st = s.settle()
		case try == 1 && s.space.free >= n:
			_, _, st = s.compact()
		default:
			st = std.NoSpace
		}
		if st != std.OK {
			s.stats.noSpace++
			return nil, false
		}
	}
}

// add makes an open file of so many blocks, pinned.
func (s *Store) add(n uint64) (*file, std.Status) {
	if s.broken != nil {
		return nil, std.SysErr
	}
	e, ok := s.room(n)
	if !ok {
		return nil, std.NoSpace
	}
	number := s.lowest
	for number < uint64(len(s.files)) && s.files[number] != nil {
		number++
	}
	if number >= s.sb.inodes {
		s.drop(e)
		s.stats.noSpace++
		return nil, std.NoSpace
	}
	if number == uint64(len(s.files)) {
		s.files = append(s.files, nil)
	}
	f := &file{number: number, secret: capability.NewSecret(s.cfg.Random), ext: e, open: true, left: lifetime, summed: true}
	e.pins++
	s.files[number], s.lowest = f, number+1
	s.count++
	s.stats.created++
	return f, std.OK
}

// remove takes a file out of the table. Its blocks are free when no inode on the disk
// stands for them.
func (s *Store) remove(f *file) {
	if f.gone {
		return
	}
	f.gone = true
	s.files[f.number] = nil
	s.lowest = min(s.lowest, f.number)
	s.count--
	s.cache.forget(f)
	s.unhold(f)
	if f.record == (inode{}) {
		s.drop(f.ext)
		return
	}
	s.gather.retire(f.number, f.ext)
}

// owner is the capability with all rights.
func (s *Store) owner(f *file) capability.Capability {
	return capability.Owner(s.cfg.Port, f.number, f.secret)
}

// Create makes a file of data.
func (s *Store) Create(data []byte, flags uint32) (capability.Capability, std.Status) {
	return s.CreateTagged(0, data, flags)
}

// CreateTagged makes a file that Tagged finds again.
func (s *Store) CreateTagged(tag uint64, data []byte, flags uint32) (capability.Capability, std.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, st := s.add(blocksOf(uint64(len(data))))
	if st != std.OK {
		return capability.Capability{}, st
	}
	wait := flags&std.BulletCommit != 0 && s.hold(f, data)
	s.mu.Unlock()
	sum, err := checksum(0, data), error(nil)
	if !wait {
		err = s.fill(f.ext, data)
	}
	s.mu.Lock()
	s.unpin(f.ext)
	if err != nil {
		s.remove(f)
		return capability.Capability{}, s.fail(err)
	}
	f.size, f.sum, f.tag = uint64(len(data)), sum, tag
	if st = s.finish(f, flags); st != std.OK {
		return capability.Capability{}, st
	}
	if f.held != nil {
		data = f.held
	}
	if !f.open {
		s.cache.keep(f, data)
	}
	return s.owner(f), std.OK
}

// fill writes data into blocks from the first on.
func (s *Store) fill(e *extent, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if len(data)%blockSize != 0 {
		data = append(make([]byte, 0, blocksOf(uint64(len(data)))*blockSize), data...)
		data = data[:cap(data)]
	}
	return s.disk.Write(e.start, data)
}

// finish commits a file if that is wanted.
func (s *Store) finish(f *file, flags uint32) std.Status {
	if f.gone {
		return std.CapBad // it has expired, or somebody has removed it
	}
	if flags&std.BulletCommit == 0 {
		f.left = lifetime
		return std.OK
	}
	f.open = false
	s.stats.committed++
	b := s.gather
	b.record(f)
	if flags&std.BulletSafety != 0 {
		return s.await(b)
	}
	return std.OK
}

// fail notes that the disk could not be written. What is on it is not known then, so
// nothing is written any more until it is mounted again.
func (s *Store) fail(err error) std.Status {
	if s.broken == nil {
		s.broken = err
		s.say("the disk cannot be written: " + err.Error() + "; files can still be read")
	}
	return std.SysErr
}

func (s *Store) say(text string) {
	if s.cfg.Say != nil {
		s.cfg.Say(text)
	}
}

// Broken is why the disk is not written any more, nil if it is.
func (s *Store) Broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// destroy removes a file. Precondition: mu is held.
func (s *Store) destroy(f *file) std.Status {
	switch {
	case f.gone:
		return std.CapBad
	case s.broken != nil:
		return std.SysErr
	}
	s.stats.destroyed++
	s.remove(f)
	return std.OK
}

// Tagged returns the committed files with a tag, from a number on, as many as fit. next is
// the number to go on from, 0: there are no more.
func (s *Store) Tagged(tag, from uint64, most int) (list []capability.Capability, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := from; n < uint64(len(s.files)); n++ {
		if f := s.files[n]; f != nil && !f.open && f.tag == tag {
			if len(list) == most {
				return list, n
			}
			list = append(list, s.owner(f))
		}
	}
	return list, 0
}

// Age makes open files older. Precondition: mu is held.
func (s *Store) age() {
	for _, f := range s.files {
		if f == nil || !f.open {
			continue
		}
		if f.left--; f.left <= 0 {
			s.stats.expired++
			s.remove(f)
		}
	}
}

// Age makes files that are not committed older: those that were not touched for ten ages
// expire.
func (s *Store) Age() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age()
}
