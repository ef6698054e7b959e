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

// take enters this server as the one that the storage belongs to: whoever had it before
// cannot install anything any more, and finds out before it acknowledges anything.
func (k *Keeper) take(now uint64, wait bool) error {
	var err error
	if k.anchor, err = k.store.Anchor(); err != nil {
		return err
	}
	if k.anchor.IsNull() {
		if err := k.fresh(); err != nil {
			return err
		}
	}
	if k.root, err = k.choose(wait); err != nil {
		return err
	}
	k.root.claim++
	k.root.stamp = max(now, k.root.stamp+1<<32) // higher than whatever that life has granted
	made, err := k.create(k.where(k.inUse), TagRoot, [][]byte{k.root.encode()})
	if err != nil {
		return err
	}
	return k.install(made[0].on(k.where(k.inUse)))
}

// fresh makes an empty root, if there has never been one. All disks must be there.
func (k *Keeper) fresh() error {
	var all []int
	for i := range k.disks {
		list, err := k.store.Tagged(i, TagRoot)
		if err != nil {
			return fmt.Errorf("%s: %w", k.disks[i].Name, err)
		}
		for _, c := range list {
			b, err := k.store.Get(i, c)
			if err != nil {
				return err
			}
			if r, err := decodeRoot(b); err != nil || r.claim > 0 {
				return fmt.Errorf("there are files of a file server on %s, and the directory server does not know them: "+
					"if it has lost its own disk, that is to be restored first", k.disks[i].Name)
			}
		}
		all = append(all, i)
	}
	made, errs := k.store.Create(all, TagRoot, [][]byte{(&root{}).encode()})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return k.install(made[0])
}

// recover loads the parts, and the records of the journal that continue them. Each disk that
// is current has all records: if those of one cannot be read, another's will do.
func (k *Keeper) recover(cfg Config, found [MaxDisks]map[capability.Capability]Tag) (s *Server, err error) {
	var failed error
	for _, i := range k.where(k.current) {
		var journal []journalRecord
		if journal, err = k.records(i, found[i]); err == nil {
			if s, err = k.build(cfg, journal); err == nil {
				return s, nil
			}
		}
		if failed == nil {
			failed = err
		}
	}
	return nil, failed
}

// records are those of the journal, in order, as a disk has them.
func (k *Keeper) records(disk int, found map[capability.Capability]Tag) (list []journalRecord, err error) {
	for c, tag := range found {
		if tag != TagJournal {
			continue
		}
		b, err := k.store.Get(disk, c)
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
		if j := &list[i]; j.seq != k.root.seq+uint64(i) {
			return nil, damaged("record %d of the journal is not there, and %d is", k.root.seq+uint64(i), j.seq)
		}
	}
	return list, nil
}

// build makes a server of the parts and of records.
func (k *Keeper) build(cfg Config, journal []journalRecord) (*Server, error) {
	ld := load(cfg, &k.root, k.disks)
	for _, p := range k.root.parts {
		file, elsewhere := arrange(p.file[:], k.disks)
		var records []record
		err := k.get(file, func(b []byte) (err error) {
			var index uint64
			if index, records, err = decodePart(b); err == nil && index != p.index {
				err = ErrDamaged
			}
			return err
		})
		if elsewhere {
			err = errElsewhere
		}
		if err == nil {
			err = ld.part(records)
		}
		if err != nil {
			return nil, fmt.Errorf("part %d of the table of inodes: %w", p.index, err)
		}
		k.parts[p.index] = file
	}
	for i := range journal {
		if err := ld.journal(&journal[i]); err != nil {
			return nil, fmt.Errorf("record %d of the journal: %w", journal[i].seq, err)
		}
	}
	return ld.end()
}

var errElsewhere = errors.New("it is on disks that this file server was not given")

// rubbish is what was found on each disk and does not belong to the state that was recovered.
// A disk that lacks what another has is not used: it has to catch up.
func (k *Keeper) rubbish(s *Server, found [MaxDisks]map[capability.Capability]Tag) (list []File) {
	current := k.where(k.current)
	var lacks [MaxDisks]int
	look := func(f File) (there bool) {
		for _, i := range current {
			_, ok := found[i][f[i]]
			there = there || ok
		}
		for _, i := range current {
			if _, ok := found[i][f[i]]; !ok && there {
				lacks[i]++
			}
		}
		return there
	}
	for _, f := range k.parts {
		look(f)
	}
	s.files(func(n *inode, b *block) {
		if !look(b.file) {
			s.damaged++
		}
	})
	s.book.trash = nil // it is among the rest
	keep := k.named(s)
	for _, i := range current {
		for c := range found[i] {
			if !keep[c] {
				f := File{}
				f[i] = c
				list = append(list, f)
			}
		}
	}
	most := slices.MinFunc(current, func(a, b int) int { return lacks[a] - lacks[b] })
	for _, i := range current {
		if lacks[i] > 0 && i != most {
			k.leave(i, fmt.Errorf("%d files are not there", lacks[i]))
		}
	}
	return list
}

// named are the copies that something names, or that will be destroyed.
func (k *Keeper) named(s *Server) map[capability.Capability]bool {
	keep := make(map[capability.Capability]bool)
	note := func(f File) {
		for _, c := range f {
			keep[c] = true
		}
	}
	note(k.anchor)
	for _, f := range k.parts {
		note(f)
	}
	for _, f := range k.journal {
		note(f)
	}
	s.files(func(n *inode, b *block) { note(b.file) })
	for _, f := range s.book.trash {
		note(f)
	}
	return keep
}

// Commit brings what has changed to stable storage. mu guards the server. After an error
// storage has the state before or this one, and the next Commit goes on with it; ErrTaken
// is for good.
func (k *Keeper) Commit(mu sync.Locker, s *Server, checkpoint bool) error {
	if err := k.agree(); err != nil {
		return err
	}
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
