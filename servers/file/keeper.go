package file

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"motile/ipc/capability"
)

// Tag says what a Bullet file is.
type Tag uint64

// The Bullet files of a file server.
const (
	TagRoot    Tag = 0x66696c6500000001 + iota // "file"
	TagPart                                    // of the table of inodes
	TagJournal                                 // a record of the journal
	TagBlock                                   // a block of a file's contents
)

var tags = []Tag{TagRoot, TagPart, TagJournal, TagBlock}

// ErrTaken says that another server has the storage now.
var ErrTaken = errors.New("another file server has taken the storage over")

// A journal becomes a checkpoint when it has so many bytes or records.
const (
	journalBytes = 1 << 20
	journalCount = 64
)

// Keeper brings a server's state to storage. It is used by one goroutine at a time.
type Keeper struct {
	mirror
	root    root
	parts   map[uint64]File
	journal []File // since the checkpoint
	bytes   int    // of these
	spent   int64  // Server.used, as of the last commit
	mend    *mending

	cut     *cut // that is on its way; nil: none
	record  []byte
	logged  File   // the record's file; null: it is not known to be there
	made    []part // parts of a checkpoint
	next    *root
	newRoot File
	whole   []int // disks that have all once the cut is there, and are not current
}

// Open finds what is on storage, takes it over, and makes a server of it. Nothing is
// there: that is a new one.
func Open(store Storage, cfg Config) (*Server, *Keeper, error) {
	k := &Keeper{mirror: mirror{store: store, disks: store.Disks()}, parts: make(map[uint64]File)}
	if err := k.take(uint64(cfg.Now), cfg.Wait); err != nil {
		return nil, nil, err
	}
	// Nobody else writes what counts from here on: what there is now is all there is.
	var found [MaxDisks]map[capability.Capability]Tag
	for _, i := range k.where(k.current) {
		var err error
		if found[i], err = k.tagged(i); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", k.disks[i].Name, err)
		}
	}
	s, err := k.recover(cfg, found)
	if err != nil {
		return nil, nil, err
	}
	rubbish := k.rubbish(s, found)
	// The journal of a former life ends here: the checkpoint is ours.
	if err := k.Commit(new(sync.Mutex), s, true); err != nil {
		return nil, nil, err
	}
	k.destroy(rubbish)
	s.disks = k.String()
	return s, k, nil
}

// Commit brings what has changed to stable storage. mu guards the server. After an error
// storage has the state before or this one, and the next Commit goes on with it; ErrTaken
// is for good.
func (k *Keeper) Commit(mu sync.Locker, s *Server, checkpoint bool) error {
	if k.cut == nil {
		mu.Lock()
		if s.book.clean() && !checkpoint {
			mu.Unlock()
			return k.owned()
		}
		k.cut = s.cut(checkpoint || k.bytes >= journalBytes || len(k.journal) >= journalCount)
		k.whole = k.where(func(i int) bool { return !k.current(i) && k.used[i] && k.complete(s, i) })
		mu.Unlock()
	}
	c := k.cut
	if err := k.contents(c); err != nil {
		return err
	}
	commit := k.extend
	if c.checkpoint {
		commit = k.checkpoint
	}
	trash, err := commit(c)
	if err != nil {
		return err
	}
	// The commit point is behind us.
	k.spent = c.used
	k.cut, k.record, k.made, k.next = nil, nil, nil, nil
	k.logged, k.newRoot = File{}, File{}
	mu.Lock()
	trash = append(trash, s.settle(c)...)
	mu.Unlock()
	k.destroy(trash)
	return nil
}

// First reports whether this server is the first that the storage has.
func (k *Keeper) First() bool { return k.root.claim == 1 }

// contents makes files of the blocks that get their own.
func (k *Keeper) contents(c *cut) error {
	var list []*blockWrite
	var data [][]byte
	for _, w := range c.writes {
		if !w.inline && w.file.IsNull() {
			list, data = append(list, w), append(data, w.data)
		}
	}
	made, err := k.create(k.where(k.inUse), TagBlock, data)
	for i, w := range list {
		w.file = made[i]
	}
	return err
}

// extend adds a record to the journal. If it is not known whether it was, the same is
// written again.
func (k *Keeper) extend(c *cut) ([]File, error) {
	if k.record == nil {
		j := journalRecord{life: k.root.life, seq: k.root.seq + uint64(len(k.journal)), head: c.head, gone: c.gone, records: c.records}
		k.record = j.encode()
	}
	if k.logged.IsNull() {
		made, err := k.create(k.where(k.inUse), TagJournal, [][]byte{k.record})
		if err != nil {
			return nil, err
		}
		k.logged = made[0]
	}
	// Who has taken the storage over meanwhile may not have seen the record.
	if err := k.owned(); err != nil {
		return nil, err
	}
	k.journal = append(k.journal, k.logged)
	k.bytes += len(k.record)
	return nil, nil
}

// checkpoint writes the parts that have changed, and has the anchor name a root of them.
func (k *Keeper) checkpoint(c *cut) (trash []File, err error) {
	if k.next == nil {
		if err := k.writeParts(c); err != nil {
			return nil, err
		}
	}
	if k.newRoot.IsNull() {
		at := k.where(func(i int) bool { return k.used[i] && (k.current(i) || slices.Contains(k.whole, i)) })
		made, err := k.create(at, TagRoot, [][]byte{k.next.encode()})
		if err != nil {
			return nil, err
		}
		k.newRoot = made[0]
	}
	old := k.anchor
	if err := k.install(k.newRoot.on(k.where(k.inUse))); err != nil {
		return nil, err
	}
	trash = append(k.journal, old)
	for _, p := range k.made {
		if was := k.parts[p.index]; !was.IsNull() {
			trash = append(trash, was)
		}
		if k.parts[p.index] = p.file; p.file.IsNull() {
			delete(k.parts, p.index)
		}
	}
	k.root, k.journal, k.bytes = *k.next, nil, 0
	return trash, nil
}

func (k *Keeper) writeParts(c *cut) error {
	var files [][]byte
	var made []part
	rest := c.records
	for _, index := range c.parts {
		n := 0
		for n < len(rest) && rest[n].number/partInodes == index {
			n++
		}
		made = append(made, part{index: index})
		if n > 0 {
			files = append(files, encodePart(index, rest[:n]))
			rest = rest[n:]
		} else {
			files = append(files, nil)
		}
	}
	created, err := k.create(k.where(k.inUse), TagPart, slices.DeleteFunc(slices.Clone(files), func(b []byte) bool { return b == nil }))
	if err != nil {
		k.destroy(created)
		return err
	}
	for i := range made {
		if files[i] != nil {
			made[i].file, created = created[0], created[1:]
		}
	}
	parts := make(map[uint64]File)
	for index, file := range k.parts {
		parts[index] = file
	}
	for _, p := range made {
		if parts[p.index] = p.file; p.file.IsNull() {
			delete(parts, p.index)
		}
	}
	next := &root{claim: k.root.claim, life: k.root.claim, seq: k.root.seq + uint64(len(k.journal)), head: c.head}
	for index, file := range parts {
		next.parts = append(next.parts, part{index, file})
	}
	slices.SortFunc(next.parts, func(a, b part) int { return int(int64(a.index) - int64(b.index)) })
	k.made, k.next = made, next
	return nil
}
