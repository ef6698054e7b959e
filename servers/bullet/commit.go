package bullet

import (
	"maps"
	"slices"

	"motile/ipc/std"
)

// How inodes come onto the disk. A batch gathers files whose data is written, and numbers
// whose file is gone. Then, step by step:
//
//	sync      the data of the batch is on stable storage
//	          its inodes are written: from here on a crash may find its files, whole
//	sync      they are on stable storage: the commit. Blocks of files that are gone in
//	          this batch are free from here on
//
// The second sync of one batch is the first of the next. Who waits for a batch does the
// steps himself, unless somebody else is at it: no goroutine belongs to this.

// batch is what goes onto the disk together.
type batch struct {
	entries []entry
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

func newBatch() *batch { return &batch{blocks: make(map[uint64]bool)} }

func (b *batch) empty() bool { return len(b.blocks) == 0 }

// record adds a file, all of whose data is written.
func (b *batch) record(f *file) {
	b.entries = append(b.entries, entry{f, inode{start: f.ext.start, size: f.size, sum: f.sum, secret: f.secret}})
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
	if s.gather.empty() && s.written == nil {
		return s.status()
	}
	return s.await(s.gather)
}

func (s *Store) status() std.Status {
	if s.broken != nil {
		return std.SysErr
	}
	return std.OK
}

// step is one sync, with what may be done after it. It leaves mu while the disk works.
func (s *Store) step() {
	next, before := s.gather, s.written
	s.gather, s.written = newBatch(), nil
	s.stats.steps++
	s.stats.shared += uint64(max(len(next.entries)-1, 0))
	err := s.broken
	if err == nil {
		s.mu.Unlock()
		err = s.disk.Sync()
		s.mu.Lock()
	}
	if before != nil {
		s.end(before, err)
	}
	if err == nil && !next.empty() {
		err = s.writeInodes(next)
	}
	if err != nil || next.empty() {
		s.end(next, err)
		return
	}
	s.written = next
}

// end is the end of a batch, on stable storage or not.
func (s *Store) end(b *batch, err error) {
	b.done = true
	if err != nil {
		b.status = s.fail(err)
		return // what its inodes say on the disk is not known: nothing of it is free
	}
	for _, e := range b.retired {
		s.drop(e)
	}
}

// writeInodes writes the blocks of the table that a batch changes.
func (s *Store) writeInodes(b *batch) error {
	for i := range b.entries {
		if e := &b.entries[i]; !e.f.gone {
			e.f.record = e.inode
		}
	}
	blocks := slices.Sorted(maps.Keys(b.blocks))
	table := make([]byte, len(blocks)*blockSize)
	for i, block := range blocks {
		s.encodeTable(table[i*blockSize:], block)
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && n < std.DiskMost && blocks[n] == blocks[0]+uint64(n) {
			n++
		}
		if err := s.disk.Write(blocks[0], table[:n*blockSize]); err != nil {
			return err
		}
		blocks, table = blocks[n:], table[n*blockSize:]
	}
	return nil
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

// Sync returns when all files that are committed are on stable storage, and those that
// were removed are gone there.
func (s *Store) Sync() std.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle()
}
