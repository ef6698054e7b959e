package bullet

import (
	"cmp"
	"maps"
	"slices"

	"motile/ipc/std"
)

// How files come onto the disk. A batch gathers what was committed, and the numbers of
// files that are gone. Then, in one step:
//
//	sync      only if files were moved: their copies are on stable storage
//	          contents that were held in memory and inodes are written, in any order
//	sync      all of that is on stable storage: the commit. Blocks of files that are gone
//	          in this batch are free from here on
//
// The power may be cut when an inode is on the disk and its contents are not. So inodes
// have the number of their batch: whoever mounts the disk compares the contents of those
// from the last batches with their checksums, and takes those that do not fit for what
// they are, files whose making was never acknowledged (mount.go). Of an inode that takes
// the place of a good one, a moved file's, the contents must be there before.
//
// Who waits for a batch does the step himself, unless somebody else is at it: no goroutine
// belongs to this.

// batch is what goes onto the disk together.
type batch struct {
	entries []entry
	moved   bool            // some are files that had a place before
	blocks  map[uint64]bool // of the table, to be written
	retired []*extent       // free when the batch is done
	done    bool
	status  std.Status
}

// entry is a file's inode as it is to be recorded. The file may have got another place
// since, whose data is for the next batch.
type entry struct {
	f *file
	inode
}

// checkpointEvery is how many batches there are between two notes of how far the disk is
// known to be whole.
const checkpointEvery = 16

func newBatch() *batch { return &batch{blocks: make(map[uint64]bool)} }

func (b *batch) empty() bool { return len(b.blocks) == 0 }

// record adds a file, whose data is written, or in memory.
func (b *batch) record(f *file) {
	b.entries = append(b.entries, entry{f, inode{start: f.ext.start, size: f.size, sum: f.sum, secret: f.secret, tag: f.tag}})
	b.touch(f.number)
}

// retire adds blocks that the inode of a number on the disk stands for, and no longer
// will.
func (b *batch) retire(number uint64, e *extent) {
	b.retired = append(b.retired, e)
	b.touch(number)
}

func (b *batch) touch(number uint64) {
	block, _ := place(number)
	b.blocks[block] = true
}

// await brings a batch onto the disk. Precondition, of all here: mu is held.
func (s *Store) await(b *batch) std.Status {
	for !b.done {
		if s.leading {
			s.changed.Wait()
			continue
		}
		s.leading = true
		s.step()
		s.leading = false
		s.changed.Broadcast()
	}
	return b.status
}

// settle brings everything that was committed or removed onto the disk.
func (s *Store) settle() std.Status {
	if !s.gather.empty() {
		return s.await(s.gather)
	}
	for s.leading { // somebody is bringing the rest there
		s.changed.Wait()
	}
	return s.status()
}

func (s *Store) status() std.Status {
	if s.broken != nil {
		return std.SysErr
	}
	return std.OK
}

// step carries out a batch. It leaves mu while the disk works.
func (s *Store) step() {
	b := s.gather
	s.gather = newBatch()
	s.batches++
	s.stats.steps++
	s.stats.shared += uint64(max(len(b.entries)-1, 0))
	err := s.broken
	if err == nil {
		err = s.carryOut(b)
	}
	b.done = true
	if err != nil {
		b.status = s.fail(err)
		return // what its inodes say on the disk is not known: nothing of it is free
	}
	s.stable = s.batches
	for _, e := range b.retired {
		s.drop(e)
	}
}

func (s *Store) carryOut(b *batch) error {
	if b.moved {
		s.mu.Unlock()
		err := s.disk.Sync()
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
	writes, held := s.contents(b)
	writes = append(writes, s.inodes(b)...)
	noted := s.stable
	if s.batches-s.noted >= checkpointEvery {
		writes = append(writes, write{0, s.sb.encode(noted)})
		s.noted = noted
	}
	s.mu.Unlock()
	err := s.writeAll(writes)
	if err == nil {
		err = s.disk.Sync()
	}
	s.mu.Lock()
	for _, f := range held {
		s.unpin(f.ext)
		if err == nil {
			s.unhold(f)
		}
	}
	return err
}

// write is a request to the disk.
type write struct {
	block uint64
	data  []byte
}

// contents is what a batch has in memory, to be written: what lies side by side at once.
// The files' blocks are pinned.
func (s *Store) contents(b *batch) (writes []write, held []*file) {
	for i := range b.entries {
		if f := b.entries[i].f; f.held != nil && !f.gone {
			s.pin(f)
			held = append(held, f)
		}
	}
	slices.SortFunc(held, func(x, y *file) int { return cmp.Compare(x.ext.start, y.ext.start) })
	for _, f := range held {
		n := len(writes)
		if n == 0 || writes[n-1].block+uint64(len(writes[n-1].data)/blockSize) != f.ext.start ||
			len(writes[n-1].data)+len(f.held) > std.DiskMost*blockSize {
			writes = append(writes, write{block: f.ext.start})
			n++
		}
		w := &writes[n-1]
		w.data = append(w.data, f.held...)
		w.data = append(w.data, make([]byte, f.ext.n*blockSize-f.size)...)
	}
	return writes, held
}

// inodes is the blocks of the table that a batch changes.
func (s *Store) inodes(b *batch) (writes []write) {
	for i := range b.entries {
		if e := &b.entries[i]; !e.f.gone {
			e.f.record = e.inode
			e.f.record.batch = s.batches
		}
	}
	for _, block := range slices.Sorted(maps.Keys(b.blocks)) {
		n := len(writes)
		if n == 0 || writes[n-1].block+uint64(len(writes[n-1].data)/blockSize) != block || len(writes[n-1].data) == std.DiskMost*blockSize {
			writes = append(writes, write{block: block})
			n++
		}
		w := &writes[n-1]
		w.data = append(w.data, make([]byte, blockSize)...)
		s.encodeTable(w.data[len(w.data)-blockSize:], block)
	}
	return writes
}

// encodeTable makes a block of the table: of each file there what the disk is to have of
// it by now.
func (s *Store) encodeTable(p []byte, block uint64) {
	first := (block - tableStart) * perBlock
	for k := range uint64(perBlock) {
		var in inode
		if n := first + k; n < uint64(len(s.files)) && s.files[n] != nil {
			in = s.files[n].record
		}
		s.sb.encodeInode(p[k*inodeSize:], first+k, &in)
	}
}

// writeAll writes one after the other: most are short, and then it would take longer to
// wake others that do it at the same time.
func (s *Store) writeAll(list []write) error {
	for _, w := range list {
		if err := s.disk.Write(w.block, w.data); err != nil {
			return err
		}
	}
	return nil
}

// Bounds of what is held in memory until its batch is carried out.
const (
	maxHeld    = 2 << 20
	maxHeldOne = 64 << 10
)

// hold keeps a new file's contents for its batch, if there is room.
func (s *Store) hold(f *file, data []byte) bool {
	if len(data) == 0 || len(data) > maxHeldOne || s.heldBytes+len(data) > maxHeld {
		return false
	}
	f.held = append([]byte(nil), data...)
	s.heldBytes += len(data)
	return true
}

func (s *Store) unhold(f *file) {
	s.heldBytes -= len(f.held)
	f.held = nil
}

// Sync returns when all files that are committed are on stable storage, and those that
// were removed are gone there.
func (s *Store) Sync() std.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle()
}

// Tick is to be called about once a second: what was committed without safety gets onto
// the disk, and when there is nothing to do it is noted that all is whole.
func (s *Store) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settle() != std.OK || s.leading || s.noted == s.stable || s.stable != s.ticked {
		s.ticked = s.stable
		return
	}
	s.noted = s.stable
	note := s.sb.encode(s.noted)
	s.leading = true // nobody else writes block 0
	s.mu.Unlock()
	err := s.disk.Write(0, note)
	s.mu.Lock()
	s.leading = false
	s.changed.Broadcast()
	if err != nil {
		s.fail(err)
	}
}
