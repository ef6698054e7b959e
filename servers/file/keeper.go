package file

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"motile/ipc/capability"
)

// Storage is where a server keeps its files: Bullet files, and an anchor that names one of
// them. A file is there as a whole and for good when Create returns, or not at all. After
// an error some may be there, and whether the anchor was changed is not known.
type Storage interface {
	// Create makes a file of each; those that were made are not null, after an error too.
	Create(tag Tag, files [][]byte) ([]capability.Capability, error)
	Get(file capability.Capability) ([]byte, error)
	// Read reads the beginning of a file.
	Read(file capability.Capability, size int) ([]byte, error)
	// Destroy removes files. One that stays is found by the next server.
	Destroy(files []capability.Capability)
	Tagged(tag Tag) ([]capability.Capability, error)
	// Anchor is what Install has installed last; null: nothing.
	Anchor() (capability.Capability, error)
	// Install changes the anchor, if it is old, and says ErrTaken if it is not.
	Install(old, new capability.Capability) error
	// Room is how many bytes more there is room for, now that all that was destroyed is gone.
	Room() (int64, error)
}

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
	store   Storage
	root    root
	anchor  capability.Capability
	parts   map[uint64]capability.Capability
	journal []capability.Capability // since the checkpoint
	bytes   int                     // of these
	used    int64                   // Server.used, as of the last commit

	cut     *cut // that is on its way; nil: none
	record  []byte
	logged  capability.Capability // the record's file; null: it is not known to be there
	made    []part                // parts of a checkpoint
	next    *root
	newRoot capability.Capability
}

// Open finds what is on storage, takes it over, and makes a server of it. Nothing is
// there: that is a new one.
func Open(store Storage, cfg Config) (*Server, *Keeper, error) {
	k := &Keeper{store: store, parts: make(map[uint64]capability.Capability)}
	if err := k.take(uint64(cfg.Now)); err != nil {
		return nil, nil, err
	}
	// Nobody else writes what counts from here on: what there is now is all there is.
	var found [][]capability.Capability
	for _, t := range tags {
		list, err := store.Tagged(t)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, list)
	}
	s, err := k.recover(cfg, found[2])
	if err != nil {
		return nil, nil, err
	}
	rubbish := k.rubbish(s, found)
	// The journal of a former life ends here: the checkpoint is ours.
	if err := k.Commit(new(sync.Mutex), s, true); err != nil {
		return nil, nil, err
	}
	store.Destroy(rubbish)
	return s, k, nil
}

// take enters this server as the one that the storage belongs to: whoever had it before
// cannot install anything any more, and finds out before it acknowledges anything.
func (k *Keeper) take(now uint64) error {
	var err error
	if k.anchor, err = k.store.Anchor(); err != nil {
		return err
	}
	if k.anchor.IsNull() {
		if err := k.fresh(); err != nil {
			return err
		}
	}
	b, err := k.store.Get(k.anchor)
	if err != nil {
		return fmt.Errorf("the root of the file server's storage: %w", err)
	}
	if k.root, err = decodeRoot(b); err != nil {
		return fmt.Errorf("the root of the file server's storage: %w", err)
	}
	k.root.claim++
	k.root.stamp = max(now, k.root.stamp+1<<32) // higher than whatever that life has granted
	made, err := k.store.Create(TagRoot, [][]byte{k.root.encode()})
	if err != nil {
		return err
	}
	return k.install(made[0])
}

// fresh makes an empty root, if there has never been one.
func (k *Keeper) fresh() error {
	list, err := k.store.Tagged(TagRoot)
	if err != nil {
		return err
	}
	for _, c := range list {
		b, err := k.store.Get(c)
		if err != nil {
			return err
		}
		if r, err := decodeRoot(b); err != nil || r.claim > 0 {
			return errors.New("there are files of a file server on the disk, and the directory server does not know them: " +
				"if it has lost its own disk, that is to be restored first")
		}
	}
	made, err := k.store.Create(TagRoot, [][]byte{(&root{}).encode()})
	if err != nil {
		return err
	}
	return k.install(made[0])
}

// install changes the anchor. If it is not known whether that was done, it is looked up.
func (k *Keeper) install(file capability.Capability) error {
	if err := k.store.Install(k.anchor, file); err != nil {
		switch is, err2 := k.store.Anchor(); {
		case err2 != nil:
			return errors.Join(err, err2)
		case is == k.anchor:
			return err
		case is != file:
			return ErrTaken
		}
	}
	k.anchor = file
	return nil
}

// recover loads the parts, and the records of the journal that continue them.
func (k *Keeper) recover(cfg Config, journal []capability.Capability) (*Server, error) {
	ld := load(cfg, &k.root)
	for _, p := range k.root.parts {
		b, err := k.store.Get(p.file)
		if err != nil {
			return nil, fmt.Errorf("part %d of the table of inodes: %w", p.index, err)
		}
		index, records, err := decodePart(b)
		if err == nil && index != p.index {
			err = ErrDamaged
		}
		if err == nil {
			err = ld.part(records)
		}
		if err != nil {
			return nil, fmt.Errorf("part %d of the table of inodes: %w", p.index, err)
		}
		k.parts[p.index] = p.file
	}
	var list []journalRecord
	for _, c := range journal {
		b, err := k.store.Get(c)
		if err != nil {
			return nil, fmt.Errorf("a record of the journal: %w", err)
		}
		j, err := decodeJournal(b)
		if err != nil {
			return nil, fmt.Errorf("a record of the journal: %w", err)
		}
		if j.life == k.root.life && j.seq >= k.root.seq {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b journalRecord) int { return int(int64(a.seq - b.seq)) })
	list = slices.CompactFunc(list, func(a, b journalRecord) bool { return a.seq == b.seq }) // made twice, for it was not known that it was
	for i := range list {
		j := &list[i]
		if j.seq != k.root.seq+uint64(i) {
			return nil, damaged("record %d of the journal is not there, and %d is", k.root.seq+uint64(i), j.seq)
		}
		if err := ld.journal(j); err != nil {
			return nil, fmt.Errorf("record %d of the journal: %w", j.seq, err)
		}
	}
	return ld.end()
}

// rubbish is what was found and does not belong to the state that was recovered.
func (k *Keeper) rubbish(s *Server, found [][]capability.Capability) (list []capability.Capability) {
	there := make(map[capability.Capability]bool)
	for _, c := range slices.Concat(found...) {
		there[c] = true
	}
	keep := map[capability.Capability]bool{k.anchor: true}
	for _, c := range k.parts {
		keep[c] = true
	}
	s.files(func(n *inode, b *block) {
		if keep[b.file] = true; !there[b.file] {
			s.damaged++
		}
	})
	s.book.trash = nil // it is among the rest
	for _, c := range slices.Concat(found...) {
		if !keep[c] {
			list = append(list, c)
		}
	}
	return list
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
	k.used = c.used
	k.cut, k.record, k.made, k.next = nil, nil, nil, nil
	k.logged, k.newRoot = capability.Capability{}, capability.Capability{}
	mu.Lock()
	trash = append(trash, s.settle(c)...)
	mu.Unlock()
	k.store.Destroy(trash)
	return nil
}

// First reports whether this server is the first that the storage has.
func (k *Keeper) First() bool { return k.root.claim == 1 }

// owned looks whether the storage is still this server's.
func (k *Keeper) owned() error {
	is, err := k.store.Anchor()
	if err == nil && is != k.anchor {
		err = ErrTaken
	}
	return err
}

// contents makes files of the blocks that get their own.
func (k *Keeper) contents(c *cut) error {
	var list []*blockWrite
	var data [][]byte
	for _, w := range c.writes {
		if !w.inline && w.file.IsNull() {
			list, data = append(list, w), append(data, w.data)
		}
	}
	if len(list) == 0 {
		return nil
	}
	made, err := k.store.Create(TagBlock, data)
	for i, w := range list {
		if i < len(made) {
			w.file = made[i]
		}
	}
	return err
}

// extend adds a record to the journal. If it is not known whether it was, the same is
// written again.
func (k *Keeper) extend(c *cut) ([]capability.Capability, error) {
	if k.record == nil {
		j := journalRecord{life: k.root.life, seq: k.root.seq + uint64(len(k.journal)), head: c.head, gone: c.gone, records: c.records}
		k.record = j.encode()
	}
	if k.logged.IsNull() {
		made, err := k.store.Create(TagJournal, [][]byte{k.record})
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
func (k *Keeper) checkpoint(c *cut) (trash []capability.Capability, err error) {
	if k.next == nil {
		if err := k.writeParts(c); err != nil {
			return nil, err
		}
	}
	if k.newRoot.IsNull() {
		made, err := k.store.Create(TagRoot, [][]byte{k.next.encode()})
		if err != nil {
			return nil, err
		}
		k.newRoot = made[0]
	}
	old := k.anchor
	if err := k.install(k.newRoot); err != nil {
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
	created, err := k.store.Create(TagPart, slices.DeleteFunc(slices.Clone(files), func(b []byte) bool { return b == nil }))
	if err != nil {
		k.store.Destroy(slices.DeleteFunc(created, func(c capability.Capability) bool { return c.IsNull() }))
		return err
	}
	for i := range made {
		if files[i] != nil {
			made[i].file, created = created[0], created[1:]
		}
	}
	parts := make(map[uint64]capability.Capability)
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
