package file

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

var (
	manyHistories = flag.Uint64("histories", 1, "how many times as many histories, before power cuts")
	firstHistory  = flag.Uint64("first", 0, "number of the first history")
)

// life is a client, its server, and what was acknowledged.
type life struct {
	*client
	rng  *rand.Rand
	open []capability.Capability

	safe, cut string // pictures: of the last commit, and of the one that is under way
	maybe     bool   // there is one under way
}

// Lock and Unlock are called where the keeper looks at the server: once in a commit it takes
// what it will write.
func (l *life) Lock() {}
func (l *life) Unlock() {
	if l.keeper.cut != nil && !l.maybe {
		l.cut, l.maybe = picture(l.t, l.s, l.store), true
	}
}

func (l *life) commit(checkpoint bool) error {
	return l.committed(l.keeper.Commit(l, l.s, checkpoint))
}

// mend has a disk catch up a little, if one is there again.
func (l *life) mend() (more bool, err error) {
	l.keeper.Probe()
	more, err = l.keeper.Mend(l, l.s)
	return more, l.committed(err)
}

func (l *life) committed(err error) error {
	if l.maybe && l.keeper.cut == nil {
		l.safe, l.maybe = l.cut, false
	}
	return err
}

func simConfig(seed uint64) Config {
	rng := rand.New(rand.NewPCG(seed, 3))
	return Config{Port: testPort, Secret: capability.Secret{1}, Capacity: 1 << 30, Random: rng.Uint64}
}

// start starts a server over a storage.
func start(t testing.TB, store *simStore, seed uint64) *life {
	t.Helper()
	s, k, err := Open(store, simConfig(seed))
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	c := &client{t: t, s: s, node: 1, uses: make(map[uint64]int), root: capability.Owner(testPort, 0, capability.Secret{1}), store: store, keeper: k}
	return &life{client: c, rng: rand.New(rand.NewPCG(seed, 4))}
}

// picture is all that a server must not lose.
func picture(t testing.TB, s *Server, store *simStore) string {
	t.Helper()
	var b strings.Builder
	for _, number := range slices.Sorted(maps.Keys(s.inodes)) {
		n := s.inodes[number]
		fmt.Fprintf(&b, "%d %x %o %d %d %d %d %d %d %q %d", n.number, n.secret, n.mode, n.nlink, n.mtime, n.ctime, n.atime, n.size, n.cookie, n.target, len(n.offsets))
		for _, e := range n.list {
			fmt.Fprintf(&b, " %d:%s=%d", e.cookie, e.name, e.node.number)
		}
		sum := crc32.NewIEEE()
		for _, i := range slices.Sorted(maps.Keys(n.blocks)) {
			x := n.blocks[i]
			data := x.data
			if data == nil {
				var err error
				if data, err = store.read(x.file, x.size); err != nil {
					t.Fatalf("block %d of inode %d: %v", i, number, err)
				}
			}
			data = data[:x.size]
			for len(data) > 0 && data[len(data)-1] == 0 {
				data = data[:len(data)-1]
			}
			fmt.Fprintf(sum, "%d ", i)
			sum.Write(data)
		}
		fmt.Fprintf(&b, " %08x\n", sum.Sum32())
	}
	return b.String()
}

// act does something, as a client.
func (l *life) act() {
	names := []string{"a", "b", "c", "d", "a/x", "a/y", "b/x", "a/b", "a/b/z"}
	name := func() string { return names[l.rng.IntN(len(names))] }
	switch l.rng.IntN(14) {
	case 0:
		l.do(filesys.Mkdir, 0, 0o755, name())
	case 1:
		l.do(filesys.Rmdir, 0, 0, name())
	case 2:
		l.do(filesys.Unlink, 0, 0, name())
	case 3:
		l.two(filesys.Rename, 0, name(), name())
	case 4:
		l.two(filesys.Link, 0, name(), name())
	case 5:
		l.do(filesys.Symlink, 0, 0, name(), []byte("a/target")...)
	case 6, 7:
		if c, f, e := l.client.open(name(), 2|oCreat, 0o644); e == 0 {
			if f.Mode&modeType == modeReg {
				l.open = append(l.open, c)
			} else {
				l.close(c)
			}
		}
	case 8:
		if len(l.open) > 0 {
			i := l.rng.IntN(len(l.open))
			l.close(l.open[i])
			l.open = slices.Delete(l.open, i, i+1)
		}
	case 9:
		pl := filesys.Place{Path: name()}
		ch := filesys.Change{Mask: filesys.SetSize, Size: int64(l.rng.IntN(3 * blockSize))}
		l.ask(l.root, std.Header{Command: filesys.Set}, pl.Append(ch.Append(nil)))
	default:
		if len(l.open) == 0 {
			return
		}
		data := make([]byte, 1+l.rng.IntN(1<<(1+l.rng.IntN(15))))
		for i := range data {
			data[i] = byte(l.rng.Uint32())
		}
		f := l.open[l.rng.IntN(len(l.open))]
		l.ask(f, std.Header{Command: filesys.Write, Offset: uint64(l.rng.IntN(2 * blockSize)), Extra: l.node}, data[:min(len(data), filesys.MaxData)])
	}
	if l.rng.IntN(4) == 0 {
		l.s.book.shrink(0)
	}
}

// actsBetween has requests come in the middle of commits, unless it is quiet.
func (l *life) actsBetween(quiet *bool) {
	l.store.between = func() {
		for range l.rng.IntN(3) {
			if *quiet {
				return
			}
			between := l.store.between
			l.store.between = nil
			l.act()
			l.store.between = between
		}
	}
}

// commits commits n times, some requests each time. That of a number is a checkpoint; -1: none.
func (l *life) commits(n, acts, checkpoint int) {
	l.t.Helper()
	for i := range n {
		for range acts {
			l.act()
		}
		if err := l.commit(i == checkpoint); err != nil {
			l.t.Fatal(err)
		}
	}
}

// work makes a history: it ends with the power.
func (l *life) work(steps int) {
	l.safe = picture(l.t, l.s, l.store)
	l.actsBetween(new(bool))
	for range steps {
		for range l.rng.IntN(12) {
			l.act()
		}
		if l.commit(l.rng.IntN(5) == 0) != nil && l.store.dead {
			return
		}
	}
}

// kept checks a server that has found what a former one has left.
func (l *life) kept(before *life) {
	l.t.Helper()
	now := picture(l.t, l.s, l.store)
	if now != before.safe && !(before.maybe && now == before.cut) {
		l.t.Fatalf("it finds\n%s\nand was\n%s\nor\n%s", now, before.safe, before.cut)
	}
	l.tidy()
}

// tidy checks that storage has what it should, and nothing else.
func (l *life) tidy() {
	l.t.Helper()
	want := map[capability.Capability]bool{}
	note := func(f File) {
		for i, c := range f {
			switch {
			case c.IsNull() && i < len(l.store.disks) && l.keeper.current(i):
				l.t.Errorf("a copy on disk %d is not there, and it is current", i+1)
			case c.IsNull() || l.store.lost[i] || !l.keeper.used[i]:
			case want[c]:
				l.t.Errorf("a file is used twice")
			default:
				want[c] = true
			}
		}
	}
	note(l.keeper.anchor)
	for _, f := range l.keeper.parts {
		note(f)
	}
	for _, f := range l.keeper.journal {
		note(f)
	}
	used := int64(0)
	for _, n := range l.s.inodes {
		if used += n.content.used(); n != l.s.root {
			used += inodeBytes
		}
	}
	if used != l.s.used {
		l.t.Errorf("%d bytes are counted, %d are used", l.s.used, used)
	}
	l.s.files(func(n *inode, b *block) { note(b.file) })
	for c, f := range l.store.files {
		if !want[c] && l.keeper.used[f.disk] && !l.store.lost[f.disk] {
			l.t.Errorf("a file of tag %d is left over", f.tag)
		}
	}
	for c := range want {
		if _, ok := l.store.files[c]; !ok {
			l.t.Errorf("a file is not there")
		}
	}
}

// The power is cut at each write of a history in turn: the state that was committed last
// is found, or the one that was being, and nothing beside it; also when it is cut again
// while that is found.
func TestKeeper_EveryWrite(t *testing.T) {
	histories, cuts := uint64(6), 0
	if testing.Short() {
		histories = 2
	}
	for seed := *firstHistory; seed < *firstHistory+histories**manyHistories; seed++ {
		for at := 1; ; at++ {
			store := newSimStore(seed)
			l := start(t, store, seed)
			store.cutAt = store.ops + at
			l.work(40)
			if !store.dead {
				break
			}
			cuts++
			store = store.cut()
			for again := 1; at%5 == 0; again++ { // and now while it is found
				store.cutAt = store.ops + again
				if _, _, err := Open(store, simConfig(seed+1)); err == nil {
					break
				}
				store = store.cut()
			}
			if at%5 == 0 {
				store = store.cut()
			}
			start(t, store, seed+100).kept(l)
			if t.Failed() {
				t.Fatalf("history %d, power cut in operation %d", seed, at)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
	if cuts < 40*int(histories) {
		t.Error("that is too few to say anything")
	}
}

// Many lives, one after the other, of a storage that fails now and then: what failed is
// done later.
func TestKeeper_ManyLives(t *testing.T) {
	histories := uint64(20)
	if testing.Short() {
		histories = 8
	}
	for seed := *firstHistory; seed < *firstHistory+histories**manyHistories; seed++ {
		store := newSimStore(seed)
		l := start(t, store, seed)
		for round := range uint64(12) {
			store.cutAt = store.ops + 1 + l.rng.IntN(120)
			store.flaky = []int{0, 6}[round%2]
			l.work(30)
			store = store.cut()
			next := start(t, store, seed*100+round)
			next.kept(l)
			if t.Failed() {
				t.Fatalf("history %d, life %d", seed, round)
			}
			l = next
		}
	}
}

// A server whose storage another has taken over acknowledges nothing any more, and what
// it has acknowledged before the other has.
func TestKeeper_TakenOver(t *testing.T) {
	for seed := range uint64(300) {
		store := newSimStore(seed)
		l := start(t, store, seed)
		l.safe = picture(t, l.s, store)
		l.commits(3, 5, -1)
		for range 5 {
			l.act()
		}
		var next *life
		left := l.rng.IntN(5)
		store.between = func() {
			if left--; left == 0 {
				store.between = nil
				next = start(t, store, seed+1000)
			}
		}
		err := l.commit(seed%2 == 0)
		store.between = nil
		switch {
		case next == nil:
			next = start(t, store, seed+1000)
		case err != nil && !errors.Is(err, ErrTaken):
			t.Fatal(err)
		}
		if now := picture(t, next.s, store); now != l.safe && now != l.cut {
			t.Fatalf("history %d: the other finds\n%s\nand it was\n%s\nor\n%s", seed, now, l.safe, l.cut)
		}
		l.do(filesys.Mkdir, 0, 0o755, "one more")
		if err := l.keeper.Commit(l, l.s, false); !errors.Is(err, ErrTaken) {
			t.Fatalf("history %d: a server that has lost its storage commits: %v", seed, err)
		}
	}
}

// The power is cut while a storage is used for the first time.
func TestOpen_FirstTime(t *testing.T) {
	for seed := range uint64(20) {
		for at := 1; ; at++ {
			store := newSimStore(seed)
			store.cutAt = at
			if _, _, err := Open(store, simConfig(1)); err == nil {
				break
			}
			start(t, store.cut(), seed).tidy()
			if t.Failed() {
				t.Fatalf("power cut in operation %d", at)
			}
		}
	}
}
