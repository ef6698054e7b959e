package soap

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"motile/ipc/capability"
	"motile/servers/soap/client"
)

// disk is a Store in memory whose machine can be switched off at any of its operations.
type disk struct {
	files map[capability.Capability]diskFile
	next  uint64
	left  int  // operations until it is switched off; negative: never
	after bool // … when the operation has been carried out, and not before
}

type diskFile struct {
	data []byte
	tag  Tag
}

var errOff = errors.New("switched off")

func newDisk() *disk { return &disk{files: make(map[capability.Capability]diskFile), left: -1} }

// do carries an operation out, or not.
func (d *disk) do(f func()) error {
	if d.left == 0 {
		return errOff
	}
	if d.left--; d.left == 0 {
		if d.after {
			f()
		}
		return errOff
	}
	f()
	return nil
}

func (d *disk) Create(files [][]byte, tag Tag) (list []capability.Capability, err error) {
	for _, data := range files {
		err = d.do(func() {
			d.next++
			c := capability.Owner(capability.Port{1}, d.next, capability.Secret{1})
			d.files[c] = diskFile{bytes.Clone(data), tag}
			list = append(list, c)
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (d *disk) Get(c capability.Capability) ([]byte, error) {
	f, ok := d.files[c]
	if !ok {
		return nil, errors.New("no such file")
	}
	return f.data, nil
}

func (d *disk) Destroy(files []capability.Capability) error {
	for _, c := range files {
		if err := d.do(func() { delete(d.files, c) }); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) Tagged(tag Tag) (list []capability.Capability, err error) {
	for c, f := range d.files {
		if f.tag == tag {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b capability.Capability) int { return int(a.Object) - int(b.Object) })
	return list, nil
}

// picture is all of a state, to compare.
func picture(s *State) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%x", s.head(keptOutcomes))
	for _, n := range s.Directories() {
		file, _ := s.File(n)
		fmt.Fprintf(&b, " %x", file)
	}
	return b.String()
}

// update makes one of many changes.
func (b *bench) update(rng *rand.Rand) {
	c := b.client()
	name := fmt.Sprintf("/%d", rng.IntN(5))
	switch rng.IntN(6) {
	case 0:
		c.Mkdir(name)
	case 1:
		c.Append(fmt.Sprintf("%s/%d", name, rng.IntN(9)), client.Cap(object(rng.Uint64N(99))))
	case 2:
		c.Rename(fmt.Sprintf("%s/%d", name, rng.IntN(9)), fmt.Sprintf("/%d/%d", rng.IntN(5), rng.IntN(9)))
	case 3:
		c.Delete(fmt.Sprintf("%s/%d", name, rng.IntN(9)))
	case 4:
		c.Replace(fmt.Sprintf("%s/%d", name, rng.IntN(9)), client.Cap(object(rng.Uint64N(99))))
	case 5:
		c.Rmdir(name)
	}
}

// The machine is switched off at each operation on the disk in turn, before it is carried
// out or behind: what is found is the last state that was committed or the one that was
// being, and nothing is left on the disk that it does not name.
func TestKeeper_SwitchedOffAnywhere(t *testing.T) {
	const updates = 40
	for _, after := range []bool{false, true} {
		for left := 1; ; left++ {
			if !switchOff(t, updates, left, after) {
				if left < 100 {
					t.Fatalf("the disk had %d operations only", left)
				}
				break
			}
		}
	}
}

func switchOff(t *testing.T, updates, left int, after bool) (wentOff bool) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(updates), 1))
	b := newBench(t)
	d := newDisk()
	k, err := OpenKeeper(d, b.s)
	b.must(err)
	d.left, d.after = left, after
	before := picture(b.s)
	for i := range updates {
		b.update(rng)
		now := picture(b.s)
		err := k.Commit(k.Batch(b.s, uint64(i/10), i%15 == 14))
		if err == nil {
			k.Sweep()
			before = now
			if d.left == 0 { // it went off in the sweep
				return check(t, d, []string{now}, left)
			}
			continue
		}
		return check(t, d, []string{before, now}, left)
	}
	check(t, d, []string{before}, left)
	return false
}

// check opens the disk again.
func check(t *testing.T, d *disk, want []string, left int) bool {
	t.Helper()
	d.left = -1
	s := NewState(capability.Port{9}, capability.Secret{1, 2, 3})
	k, err := OpenKeeper(d, s)
	if err != nil {
		t.Fatalf("off at %d: %v", left, err)
	}
	if !slices.Contains(want, picture(s)) {
		t.Fatalf("off at %d: the state found is neither the old nor the new one", left)
	}
	named := len(k.table) + len(k.logs)
	for _, c := range []capability.Capability{k.record, k.base} {
		if !c.IsNull() {
			named++
		}
	}
	if len(d.files) != named {
		t.Fatalf("off at %d: %d files, %d of them named", left, len(d.files), named)
	}
	return true
}

// The server of the files fails now and then, and the replica lives on: what it has
// committed in the end is its state.
func TestKeeper_StoreFails(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		b := newBench(t)
		d := newDisk()
		k, err := OpenKeeper(d, b.s)
		b.must(err)
		whole := false
		for range 60 {
			b.update(rng)
			if rng.IntN(4) == 0 {
				d.left, d.after = 1+rng.IntN(6), rng.IntN(2) == 0
			}
			whole = k.Commit(k.Batch(b.s, 0, whole)) != nil
			if !whole {
				k.Sweep()
			}
			d.left = -1
		}
		b.must(k.Commit(k.Batch(b.s, 7, whole)))
		k.Sweep()
		s := NewState(capability.Port{9}, capability.Secret{1, 2, 3})
		k, err = OpenKeeper(d, s)
		if err != nil || picture(s) != picture(b.s) || k.Kept != (Kept{7, b.s.Epoch, b.s.Seq}) {
			t.Fatalf("seed %d: another state, %v", seed, err)
		}
	}
}

// Many directories: the record lists few, and begins a new base in time.
func TestKeeper_Base(t *testing.T) {
	b := newBench(t)
	d := newDisk()
	k, err := OpenKeeper(d, b.s)
	b.must(err)
	for i := range 3 * maxDelta {
		b.must(b.client().Mkdir(fmt.Sprintf("/%d", i)))
		b.must(k.Commit(k.Batch(b.s, 0, false)))
		k.Sweep()
		if len(k.delta) > maxDelta {
			t.Fatalf("%d changes in a record", len(k.delta))
		}
	}
	if k.base.IsNull() {
		t.Error("there is no base")
	}
	check(t, d, []string{picture(b.s)}, 0)
}

// Damage is said, and not taken for an empty disk.
func TestKeeper_Damage(t *testing.T) {
	b := newBench(t)
	d := newDisk()
	k, err := OpenKeeper(d, b.s)
	b.must(err)
	b.must(b.client().Mkdir("/a"))
	b.must(k.Commit(k.Batch(b.s, 0, true)))
	b.must(b.client().Mkdir("/b"))
	b.must(k.Commit(k.Batch(b.s, 0, false))) // an update
	for c, f := range d.files {
		for _, cut := range []int{0, 3, 4, len(f.data) - 1} {
			broken := &disk{files: maps.Clone(d.files), left: -1}
			broken.files[c] = diskFile{f.data[:cut], f.tag}
			s := NewState(capability.Port{9}, capability.Secret{})
			if _, err := OpenKeeper(broken, s); err == nil {
				t.Errorf("file %d cut to %d bytes is taken", c.Object, cut)
			}
			if len(broken.files) != len(d.files) {
				t.Errorf("file %d cut to %d bytes: files were removed", c.Object, cut)
			}
		}
	}
}

// An update of a large directory is one small file, whatever else the disk has, and now and
// then a checkpoint makes an end of those.
func TestKeeper_UpdatesAreSmall(t *testing.T) {
	b := newBench(t)
	d := newDisk()
	k, err := OpenKeeper(d, b.s)
	b.must(err)
	c := b.client()
	b.must(c.Mkdir("/d"))
	for i := range 300 {
		b.must(c.Append(fmt.Sprintf("/d/%d", i), client.Cap(object(1))))
	}
	b.must(k.Commit(k.Batch(b.s, 1, false)))
	k.Sweep()
	checkpoints := 0
	for i := range 2*maxLogs + 10 {
		made, files := d.next, len(d.files)
		b.must(c.Replace("/d/7", client.Cap(object(uint64(i)))))
		b.must(k.Commit(k.Batch(b.s, 1, false)))
		if len(k.logs) == 0 {
			checkpoints++
		} else if d.next != made+1 || len(d.files) != files+1 {
			t.Fatalf("update %d: %d files were made", i, d.next-made)
		} else if f := d.files[k.logs[len(k.logs)-1]]; len(f.data) > 400 {
			t.Fatalf("update %d: %d bytes", i, len(f.data))
		}
		k.Sweep()
	}
	if checkpoints != 2 {
		t.Errorf("%d checkpoints", checkpoints)
	}
	// So many at once that the directory itself is shorter.
	for range 2000 {
		b.must(c.Replace("/d/7", client.Cap(object(1))))
	}
	if b.must(k.Commit(k.Batch(b.s, 1, false))); len(k.logs) != 0 {
		t.Error("no checkpoint")
	}
	k.Sweep()
	check(t, d, []string{picture(b.s)}, 0)
}
