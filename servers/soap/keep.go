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
	Destroy(files []capability.Capability) error
	Tagged(tag Tag) ([]capability.Capability, error)
}

// Tag says what a file is.
type Tag uint64

// The files of a replica. The present state is what the newest record says, and then the
// updates that go on from it; another record beside it is the one before, or one that was
// being written. Everything else that is tagged and that the newest record does not name is
// rubbish of a crash.
const (
	TagRecord Tag = 0x536f617000000001 // "Soap"
	TagPart   Tag = 0x536f617000000002 // directories, and tables of them
	TagLog    Tag = 0x536f617000000003 // updates
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

// Keeper keeps a replica's state. Each Commit takes the disk from one state to the next,
// by a file with the updates between them. Now and then it makes a checkpoint instead: the
// directories that have changed since the last are written as new files, and then a record
// that names them. Whoever is stopped before the file of updates is there, or the record,
// finds the state before.
type Keeper struct {
	Kept  Kept
	store Store

	serial   uint64
	record   capability.Capability
	base     capability.Capability            // the table that the record's changes refer to
	table    map[uint64]capability.Capability // files of the directories
	delta    map[uint64]bool                  // directories that changed since the base
	at       Kept                             // of the record
	logs     []capability.Capability          // updates since, in order
	logBytes int
	doubtful bool                    // whether what was written last is there is not known
	rubbish  []capability.Capability // files that nothing names any more
}

// Batch is what has changed: the updates, or the directories.
type Batch struct {
	Kept
	Updates []byte
	from    uint64 // sequence number of the state before them

	Head  []byte            // State.Head, the part of it that is worth keeping
	Files map[uint64][]byte // of directories; nil: it is gone
	Whole bool              // what is not in Files is gone
}

var none capability.Capability

// maxDelta is how many directories a record lists beside its base.
const maxDelta = 200

// Bounds of the updates since a record: they are carried out again at every start.
const (
	maxLogs     = 100
	maxLogBytes = 512 << 10
)

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
	s.journals = true
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
	k.at = Kept{Promised: r.promised, Epoch: s.Epoch, Seq: s.Seq}
	if err := k.replay(s); err != nil {
		return nil, fmt.Errorf("the updates since: %w", err)
	}
	k.Kept = Kept{Promised: r.promised, Epoch: s.Epoch, Seq: s.Seq}
	s.journal = journal{}
	return k, nil
}

// replay carries the updates out that the record does not know of.
func (k *Keeper) replay(s *State) error {
	for _, c := range k.logs {
		b, err := k.store.Get(c)
		if err != nil {
			return err
		}
		l, err := decodeLog(b)
		if err == nil && l.from != s.Seq {
			err = fmt.Errorf("those from %d on, and the state has %d: %w", l.from, s.Seq, ErrFile)
		}
		if err == nil {
			err = s.replay(l.updates)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// find looks for the newest record, and removes what it does not name.
func (k *Keeper) find() (newest *record, err error) {
	*k = Keeper{store: k.store, Kept: k.Kept, table: make(map[uint64]capability.Capability), delta: make(map[uint64]bool)}
	logs, err := k.store.Tagged(TagLog)
	if err != nil {
		return nil, err
	}
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
	if err := k.takeLogs(logs); err != nil {
		return nil, err
	}
	for _, c := range k.logs {
		named[c] = true
	}
	for _, c := range slices.Concat(parts, records, logs) {
		if !named[c] {
			k.rubbish = append(k.rubbish, c)
		}
	}
	k.Sweep()
	return newest, nil
}

// takeLogs finds the updates that go on from the record.
func (k *Keeper) takeLogs(files []capability.Capability) error {
	ours := make(map[uint64]capability.Capability)
	for _, c := range files {
		b, err := k.store.Get(c)
		if err != nil {
			return fmt.Errorf("updates: %w", err)
		}
		l, err := decodeLog(b)
		if err != nil {
			return fmt.Errorf("updates: %w", err)
		}
		if l.serial == k.serial {
			ours[l.number] = c
			k.logBytes += len(b)
		}
	}
	for n := range uint64(len(ours)) {
		c, ok := ours[n+1]
		if !ok {
			return fmt.Errorf("updates: file %d of %d is missing: %w", n+1, len(ours), ErrFile)
		}
		k.logs = append(k.logs, c)
	}
	return nil
}

// Sweep removes files that nothing names any more. What is left is found at the next start.
func (k *Keeper) Sweep() {
	if len(k.rubbish) > 0 {
		k.store.Destroy(k.rubbish)
		k.rubbish = nil
	}
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
	if b.Updates != nil {
		return k.append(b)
	}
	return k.checkpoint(b)
}

// append writes a file of updates.
func (k *Keeper) append(b *Batch) error {
	k.doubtful = true
	l := logFile{k.serial, uint64(len(k.logs)) + 1, b.from, b.Updates}
	file, err := k.store.Create([][]byte{l.encode()}, TagLog)
	if err != nil {
		return err
	}
	k.logs, k.logBytes = append(k.logs, file[0]), k.logBytes+logHead+len(b.Updates)
	k.Kept, k.doubtful = b.Kept, false
	return nil
}

func (k *Keeper) checkpoint(b *Batch) error {
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
	rubbish := append(k.logs, k.record)
	if rebase {
		rubbish = append(rubbish, k.base)
		clear(k.delta)
	}
	rubbish = append(rubbish, k.apply(b, changes)...)
	k.rubbish = append(k.rubbish, slices.DeleteFunc(rubbish, func(c capability.Capability) bool { return c == none })...)
	k.serial, k.record, k.base, k.Kept, k.doubtful = r.serial, file[0], r.base, b.Kept, false
	k.at, k.logs, k.logBytes = b.Kept, nil, 0
	for n := range r.changes {
		k.delta[n] = true
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

// Batch is what has changed since the last one, or all of it: the updates, as long as that
// is enough.
func (k *Keeper) Batch(s *State, promised uint64, whole bool) *Batch {
	b := &Batch{Kept: Kept{promised, s.Epoch, s.Seq}, Whole: whole}
	short := k.record != none && !k.doubtful && len(k.logs) < maxLogs && k.logBytes < maxLogBytes
	same := k.at.Promised == promised && k.at.Epoch == s.Epoch
	if short && same && !whole && s.journal.n > 0 && s.journal.n == s.Seq-k.Kept.Seq {
		b.from, b.Updates = k.Kept.Seq, s.journal.b
		s.journal = journal{}
		return b
	}
	s.journal = journal{}
	b.Head, b.Files = s.head(keptOutcomes), make(map[uint64][]byte)
	numbers := s.Changed()
	if whole {
		numbers = s.Directories()
	}
	for _, n := range numbers {
		b.Files[n], _ = s.File(n)
	}
	return b
}
