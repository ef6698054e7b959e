package soap

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"motile/ipc/capability"
)

// Store is where a replica keeps its state: Bullet files. A file is there as a whole and
// for good when Create returns, or not at all. A tag is how files are found again by who
// has lost everything else.
type Store interface {
	Create(files [][]byte, tag Tag) ([]capability.Capability, error)
	Get(file capability.Capability) ([]byte, error)
	Destroy(file capability.Capability) error
	Tagged(tag Tag) ([]capability.Capability, error)
}

// Tag says what a file is.
type Tag uint64

// The files of a replica. The present state is what the newest record says; another record
// beside it is the one before, or one that was being written. Everything else that is
// tagged and that the newest record does not name is rubbish of a crash.
const (
	TagRecord Tag = 0x536f617000000001 // "Soap"
	TagPart   Tag = 0x536f617000000002 // directories, and tables of them
)

// Kept is how far a replica's disk is.
type Kept struct {
	Promised   uint64 // no group of an older epoch is joined
	Epoch, Seq uint64 // of the state
}

// newer reports whether the state is newer than another's.
func (k Kept) newer(than Kept) bool {
	return k.Epoch > than.Epoch || k.Epoch == than.Epoch && k.Seq > than.Seq
}

// Keeper keeps a replica's state. Each Commit takes the disk from one state to the next:
// the directories that have changed are written as new files, and then a record that
// names them. Whoever is stopped before the record is there finds the state before.
type Keeper struct {
	Kept  Kept
	store Store

	serial   uint64
	record   capability.Capability
	base     capability.Capability            // the table that the record's changes refer to
	table    map[uint64]capability.Capability // files of the directories
	delta    map[uint64]bool                  // directories that changed since the base
	doubtful bool                             // whether the last record is there is not known
}

// Batch is what has changed.
type Batch struct {
	Kept
	Head  []byte            // State.Head, the part of it that is worth keeping
	Files map[uint64][]byte // of directories; nil: it is gone
	Whole bool              // what is not in Files is gone
}

var none capability.Capability

// maxDelta is how many directories a record lists beside its base.
const maxDelta = 200

// A record's file, big-endian:
//
//	 0  4  "SOAR"
//	 4  1  version, 1
//	 5  8  serial number
//	13  8  promised epoch
//	21 44  base: the capability of a table, null: an empty one
//	65  4  n, changes of the table
//	69 52n number 8, the file's capability 44, null: it is gone
//	       State.Head
//
// A table's file is "SOAT", 1, and the same as from 65 on, without a head.
const (
	recordMagic = "SOAR"
	tableMagic  = "SOAT"
	recordHead  = 65
	changeLen   = 8 + capability.EncodedLen
)

type record struct {
	serial, promised uint64
	base             capability.Capability
	changes          map[uint64]capability.Capability
	head             []byte
}

func (r *record) encode() []byte {
	b := append([]byte(recordMagic), fileVersion)
	b = binary.BigEndian.AppendUint64(b, r.serial)
	b = binary.BigEndian.AppendUint64(b, r.promised)
	b = r.base.Append(b)
	return append(appendTable(b, r.changes), r.head...)
}

func appendTable(b []byte, t map[uint64]capability.Capability) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(t)))
	for _, n := range slices.Sorted(maps.Keys(t)) {
		c := t[n]
		b = c.Append(binary.BigEndian.AppendUint64(b, n))
	}
	return b
}

// encodeTable is a table's file.
func encodeTable(t map[uint64]capability.Capability) []byte {
	return appendTable(append([]byte(tableMagic), fileVersion), t)
}

func cutTable(b []byte) (t map[uint64]capability.Capability, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, ErrFile
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if b = b[4:]; n*changeLen > uint64(len(b)) {
		return nil, nil, ErrFile
	}
	t = make(map[uint64]capability.Capability, n)
	for ; n > 0; n-- {
		t[binary.BigEndian.Uint64(b)], _ = capability.Decode(b[8:])
		b = b[changeLen:]
	}
	return t, b, nil
}

func decodeRecord(b []byte) (r record, err error) {
	if len(b) < recordHead || string(b[:4]) != recordMagic || b[4] != fileVersion {
		return r, ErrFile
	}
	r.serial, r.promised = binary.BigEndian.Uint64(b[5:]), binary.BigEndian.Uint64(b[13:])
	r.base, _ = capability.Decode(b[21:])
	r.changes, r.head, err = cutTable(b[recordHead:])
	return r, err
}

// OpenKeeper finds what a replica has kept, and loads it into s, which is a new state: it
// stays so if there is nothing. Rubbish is removed. A record that cannot be read is an
// error: whoever gives it up must say so.
func OpenKeeper(store Store, s *State) (*Keeper, error) {
	k := &Keeper{store: store}
	r, err := k.find()
	if err != nil {
		return nil, err
	}
	if r == nil {
		return k, nil
	}
	if err := s.LoadHead(r.head); err != nil {
		return nil, fmt.Errorf("the newest record: %w", err)
	}
	for _, n := range slices.Sorted(maps.Keys(k.table)) {
		file, err := store.Get(k.table[n])
		if err == nil {
			err = s.Load(file)
		}
		if err != nil {
			return nil, fmt.Errorf("directory %d: %w", n, err)
		}
	}
	s.Changed()
	k.Kept = Kept{Promised: r.promised, Epoch: s.Epoch, Seq: s.Seq}
	return k, nil
}

// find looks for the newest record, and removes what it does not name.
func (k *Keeper) find() (newest *record, err error) {
	*k = Keeper{store: k.store, Kept: k.Kept, table: make(map[uint64]capability.Capability), delta: make(map[uint64]bool)}
	records, err := k.store.Tagged(TagRecord)
	if err != nil {
		return nil, err
	}
	for _, c := range records {
		b, err := k.store.Get(c)
		if err != nil {
			return nil, fmt.Errorf("a record: %w", err)
		}
		r, err := decodeRecord(b)
		if err != nil {
			return nil, fmt.Errorf("a record: %w", err)
		}
		if newest == nil || r.serial > newest.serial {
			newest, k.record = &r, c
		}
	}
	if newest != nil {
		if err := k.adopt(newest); err != nil {
			return nil, err
		}
	}
	parts, err := k.store.Tagged(TagPart)
	if err != nil {
		return nil, err
	}
	named := map[capability.Capability]bool{k.record: true, k.base: true}
	for _, c := range k.table {
		named[c] = true
	}
	for _, c := range append(parts, records...) {
		if !named[c] {
			k.store.Destroy(c) // else the next one that looks will
		}
	}
	return newest, nil
}

// adopt makes the table of a record ours.
func (k *Keeper) adopt(r *record) error {
	k.serial, k.base = r.serial, r.base
	if !r.base.IsNull() {
		b, err := k.store.Get(r.base)
		if err != nil {
			return fmt.Errorf("the table: %w", err)
		}
		if len(b) < 5 || string(b[:4]) != tableMagic || b[4] != fileVersion {
			return fmt.Errorf("the table: %w", ErrFile)
		}
		if k.table, _, err = cutTable(b[5:]); err != nil {
			return fmt.Errorf("the table: %w", err)
		}
	}
	for n, c := range r.changes {
		k.delta[n] = true
		if c == none {
			delete(k.table, n)
		} else {
			k.table[n] = c
		}
	}
	return nil
}

// Commit brings a batch to the disk. After an error the disk has the state before or,
// rarely, this one; the next batch must be whole.
func (k *Keeper) Commit(b *Batch) error {
	if k.doubtful {
		if _, err := k.find(); err != nil {
			return err
		}
	}
	k.doubtful = true
	changes, err := k.writeParts(b)
	if err != nil {
		return err
	}
	r := record{serial: k.serial + 1, promised: b.Promised, base: k.base, head: b.Head, changes: maps.Clone(changes)}
	if !b.Whole {
		for n := range k.delta {
			if _, again := changes[n]; !again {
				r.changes[n] = k.table[n]
			}
		}
	}
	rebase := b.Whole || len(r.changes) > maxDelta
	if rebase {
		if r.base, err = k.writeTable(b, changes); err != nil {
			return err
		}
		r.changes = nil
	}
	file, err := k.store.Create([][]byte{r.encode()}, TagRecord)
	if err != nil {
		return err
	}
	// The commit point is behind us: what only the old state named is rubbish.
	rubbish := []capability.Capability{k.record}
	if rebase {
		rubbish = append(rubbish, k.base)
		clear(k.delta)
	}
	rubbish = append(rubbish, k.apply(b, changes)...)
	k.serial, k.record, k.base, k.Kept, k.doubtful = r.serial, file[0], r.base, b.Kept, false
	for n := range r.changes {
		k.delta[n] = true
	}
	for _, c := range rubbish {
		if c != none {
			k.store.Destroy(c) // if that fails it is found at the next start
		}
	}
	return nil
}

// writeParts writes the directories of a batch, and returns how the table changes.
func (k *Keeper) writeParts(b *Batch) (changes map[uint64]capability.Capability, err error) {
	changes = make(map[uint64]capability.Capability)
	var numbers []uint64
	var files [][]byte
	for _, n := range slices.Sorted(maps.Keys(b.Files)) {
		if changes[n] = none; b.Files[n] != nil {
			numbers, files = append(numbers, n), append(files, b.Files[n])
		}
	}
	if len(files) == 0 {
		return changes, nil
	}
	made, err := k.store.Create(files, TagPart)
	if err != nil {
		return nil, err
	}
	for i, n := range numbers {
		changes[n] = made[i]
	}
	return changes, nil
}

// writeTable writes the table as it will be.
func (k *Keeper) writeTable(b *Batch, changes map[uint64]capability.Capability) (capability.Capability, error) {
	table := make(map[uint64]capability.Capability)
	if !b.Whole {
		maps.Copy(table, k.table)
	}
	maps.Copy(table, changes)
	maps.DeleteFunc(table, func(_ uint64, c capability.Capability) bool { return c == none })
	file, err := k.store.Create([][]byte{encodeTable(table)}, TagPart)
	if err != nil {
		return capability.Capability{}, err
	}
	return file[0], nil
}

// apply changes the table, and returns the files that it names no more.
func (k *Keeper) apply(b *Batch, changes map[uint64]capability.Capability) (rubbish []capability.Capability) {
	if b.Whole {
		for _, n := range slices.Sorted(maps.Keys(k.table)) {
			rubbish = append(rubbish, k.table[n])
		}
		clear(k.table)
	}
	for _, n := range slices.Sorted(maps.Keys(changes)) {
		rubbish = append(rubbish, k.table[n])
		if k.table[n] = changes[n]; changes[n] == none {
			delete(k.table, n)
		}
	}
	return rubbish
}

// keptOutcomes is how many outcomes of updates are kept: those whose answers may have been
// lost in the crash.
const keptOutcomes = 64

// Batch is what has changed since the last one, or all of it.
func (s *State) Batch(promised uint64, whole bool) *Batch {
	b := &Batch{Kept: Kept{promised, s.Epoch, s.Seq}, Head: s.head(keptOutcomes), Files: make(map[uint64][]byte), Whole: whole}
	numbers := s.Changed()
	if whole {
		numbers = s.Directories()
	}
	for _, n := range numbers {
		b.Files[n], _ = s.File(n)
	}
	return b
}
