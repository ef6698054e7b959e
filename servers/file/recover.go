package file

import (
	"errors"
	"fmt"
	"slices"

	"motile/ipc/capability"
)

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

// choose reads the root from all disks that the anchor names, and uses those that have it.
// If wait, all must answer.
func (m *mirror) choose(wait bool) (r root, err error) {
	var failed error
	for _, i := range m.where(m.current) {
		b, err := m.store.Get(i, m.anchor[i])
		var x root
		if err == nil {
			x, err = decodeRoot(b)
		}
		if err == nil {
			r, m.used[i] = x, true
			continue
		}
		err = fmt.Errorf("the root of the file server's storage, on %s: %w", m.disks[i].Name, err)
		if m.leave(i, err); failed == nil || away(err) {
			failed = err
		}
	}
	for _, i := range m.where(func(i int) bool { return !m.current(i) }) {
		m.silent[i].Store(true) // until Probe finds it
	}
	using := m.where(m.inUse)
	behind := m.where(func(i int) bool { return !m.current(i) })
	switch {
	case len(using) > 0 && (failed == nil || !wait || !away(failed)):
		return r, nil
	case len(using) > 0:
		return r, fmt.Errorf("%w (%s has answered)", failed, m.names(using))
	case len(behind) > 0:
		return r, fmt.Errorf("%w; %s has fallen behind, or is new, and cannot stand in for it", failed, m.names(behind))
	}
	return r, failed
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
// is current should have all records: of those that can be read the most count, and then those
// of another disk.
func (k *Keeper) recover(cfg Config, found [MaxDisks]map[capability.Capability]Tag) (*Server, error) {
	var journals [][]journalRecord
	var failed error
	for _, i := range k.where(k.current) {
		if j, err := k.records(i, found[i]); err == nil {
			journals = append(journals, j)
		} else if failed == nil {
			failed = err
		}
	}
	slices.SortStableFunc(journals, func(a, b []journalRecord) int { return len(b) - len(a) })
	for _, j := range journals {
		s, err := k.build(cfg, j)
		if err == nil {
			return s, nil
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
