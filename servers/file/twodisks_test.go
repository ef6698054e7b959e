package file

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// caughtUp has a disk that is there again catch up, and sees that both have all then.
func (l *life) caughtUp() {
	l.t.Helper()
	for range 1000 {
		more, err := l.mend()
		if err != nil {
			l.t.Fatalf("mending: %v", err)
		}
		if !more && l.keeper.current(0) && l.keeper.current(1) {
			break
		}
	}
	if !l.keeper.current(0) || !l.keeper.current(1) {
		l.t.Fatalf("they do not catch up:\n%s", l.keeper)
	}
	l.tidy()
}

// only has all disks but one answer no more.
func (s *simStore) only(disk int) *simStore {
	for i := range s.disks {
		if s.lost[i] = false; i != disk {
			s.lose(i)
		}
	}
	return s
}

// Either disk is lost in each operation of a history in turn. The server goes on; and what
// it has committed is found with the other disk, whereas the one that was lost is not
// believed alone. With both there it catches up, and then either will do.
func TestTwoDisks_EitherIsLost(t *testing.T) {
	histories := uint64(3)
	if testing.Short() {
		histories = 1
	}
	refused, behind := 0, 0
	for seed := *firstHistory; seed < *firstHistory+histories**manyHistories; seed++ {
		for at := 1; ; at++ {
			lost := at % 2
			store := newSimDisks(seed, 2)
			l := start(t, store, seed)
			if !l.keeper.current(1) {
				t.Fatal("it begins with one disk")
			}
			began := store.ops
			store.atOp = map[int]func(){began + (at+1)/2: func() { store.lose(lost) }}
			l.work(25)
			if store.ops < began+(at+1)/2 {
				break
			}
			if l.maybe {
				t.Fatalf("history %d, disk %d lost in operation %d: it does not go on", seed, lost+1, at)
			}
			store.between = nil
			// The one that was lost, alone.
			if stale := store.cut().only(lost); stale.anchor[lost].IsNull() {
				before := len(stale.files)
				_, _, err := Open(stale, simConfig(seed+1))
				if err == nil || !away(err) || !strings.Contains(err.Error(), store.disks[1-lost].Name+": ") ||
					!strings.Contains(err.Error(), store.disks[lost].Name+" has fallen behind") {
					t.Fatalf("with what is out of date alone: %v", err)
				}
				if stale.anchor[1-lost].IsNull() || len(stale.files) < before {
					t.Fatal("it was changed")
				}
				refused++
			} else {
				start(t, stale, seed+1).kept(l)
			}
			// The other one, alone.
			next := start(t, store.cut().only(1-lost), seed+2)
			next.kept(l)
			if next.keeper.current(lost) {
				t.Fatal("a disk that is not there is current")
			}
			// What was lost comes back, as it was: while the server works, or when it starts.
			next.store.lost[lost] = false
			next.store.between = nil
			next.safe = picture(t, next.s, next.store)
			for range next.rng.IntN(3) {
				next.act()
			}
			if at%3 == 0 {
				next = start(t, next.store.cut(), seed+3)
				next.safe = picture(t, next.s, next.store)
			}
			if !next.keeper.current(lost) {
				behind++
			}
			next.caughtUp()
			for range 3 {
				next.act()
			}
			if err := next.commit(false); err != nil {
				t.Fatal(err)
			}
			if all := start(t, next.store.cut(), seed+6); !all.keeper.current(0) || !all.keeper.current(1) {
				t.Fatalf("what has caught up lacks something:\n%s", all.keeper)
			}
			start(t, next.store.cut().only(lost), seed+4).kept(next)
			start(t, next.store.cut().only(1-lost), seed+5).kept(next)
			if t.Failed() {
				t.Fatalf("history %d, disk %d lost in operation %d", seed, lost+1, at)
			}
		}
	}
	t.Logf("%d times what was out of date was refused, and %d times it caught up", refused, behind)
	if refused < 50*int(histories) || behind < 50*int(histories) {
		t.Error("that is too few to say anything")
	}
}

// Many lives, in which disks are lost and come back, the power is cut, and things fail, at
// any time: also while a server starts, and while a disk catches up.
func TestTwoDisks_ManyLives(t *testing.T) {
	histories := uint64(16)
	if testing.Short() {
		histories = 8
	}
	served, refused, both := 0, 0, 0
	for seed := *firstHistory; seed < *firstHistory+histories**manyHistories; seed++ {
		rng := rand.New(rand.NewPCG(seed, 8))
		store := newSimDisks(seed, 2)
		var l *life
		for round := range uint64(16) {
			// Some disks are there, and with luck a server starts.
			for i := range store.disks {
				if store.lost[i] = false; rng.IntN(4) == 0 && round > 0 {
					store.lose(i)
				}
			}
			if rng.IntN(3) == 0 {
				store.cutAt = store.ops + 1 + rng.IntN(12)
			}
			had := store.anchor
			s, k, err := Open(store, simConfig(seed*100+round))
			switch {
			case err == nil && !had[0].IsNull() && !had[1].IsNull() && store.lost == [MaxDisks]bool{} && !(k.current(0) && k.current(1)):
				t.Fatalf("history %d, life %d: both were current\n%s", seed, round, k)
			case err != nil && !store.dead && away(err):
				for i := range store.disks {
					if !store.anchor[i].IsNull() && !store.lost[i] {
						t.Fatalf("history %d, life %d: %s is current and there: %v", seed, round, store.disks[i].Name, err)
					}
				}
				refused++
				continue
			case err != nil && !store.dead:
				t.Fatalf("history %d, life %d: %v", seed, round, err)
			case err != nil:
				store = store.cut()
				continue
			}
			next := living(t, store, s, k, seed*100+round)
			if l != nil {
				next.kept(l)
			}
			if t.Failed() {
				t.Fatalf("history %d, life %d", seed, round)
			}
			l = next
			served++
			// It works, and meanwhile a disk is lost now and then, and comes back.
			store.cutAt = store.ops + 1 + rng.IntN(300)
			store.flaky = []int{0, 0, 40, 4}[rng.IntN(4)]
			store.atOp = make(map[int]func())
			for op := store.ops; op < store.cutAt; op += 1 + rng.IntN(60) {
				disk := rng.IntN(2)
				store.atOp[op] = func() {
					if store.lost[disk] {
						store.lost[disk] = false
					} else if !store.lost[1-disk] && store.lost == [MaxDisks]bool{} {
						store.lose(disk)
					}
				}
			}
			l.safe = picture(t, l.s, l.store)
			l.live()
			if l.keeper.current(0) && l.keeper.current(1) {
				both++
			}
			store = store.cut()
		}
	}
	t.Logf("%d servers, %d of which ended with both disks current; %d were refused", served, both, refused)
	if n := int(histories); served < 5*n || refused < n/2 || both < n {
		t.Error("that is too little to say anything")
	}
}

// living is a client of a server that has been opened.
func living(t testing.TB, store *simStore, s *Server, k *Keeper, seed uint64) *life {
	c := &client{t: t, s: s, node: 1, uses: make(map[uint64]int), root: capability.Owner(testPort, 0, capability.Secret{1}), store: store, keeper: k}
	return &life{client: c, rng: rand.New(rand.NewPCG(seed, 4))}
}

// live works, and mends, until the power is off. Now and then it is quiet.
func (l *life) live() {
	quiet := false
	l.actsBetween(&quiet)
	for i := range 400 {
		if i%8 == 0 {
			quiet = l.rng.IntN(2) == 0
		}
		for range l.rng.IntN(6) {
			if !quiet {
				l.act()
			}
		}
		err := l.commit(l.rng.IntN(4) == 0)
		if err == nil {
			l.mirrored()
			if _, err = l.mend(); err == nil {
				l.mirrored()
			}
		}
		if l.store.dead {
			return
		}
	}
}

// mirrored checks that disks have all that the anchor says they have.
func (l *life) mirrored() {
	l.t.Helper()
	look := func(what string, f File) {
		for i := range l.store.disks {
			if _, ok := l.store.files[f[i]]; !ok && l.keeper.current(i) {
				l.t.Fatalf("disk %d is current, and has not a %s", i+1, what)
			}
		}
	}
	look("root", l.keeper.anchor)
	for _, f := range l.keeper.parts {
		look("part", f)
	}
	for _, f := range l.keeper.journal {
		look("record", f)
	}
	l.s.files(func(n *inode, b *block) { look("block", b.file) })
}

// A server that was taken for dead, with the disk that it still reaches: it acknowledges
// nothing once another goes on with the other disk.
func TestTwoDisks_TakenOver(t *testing.T) {
	for seed := range uint64(200) {
		store := newSimDisks(seed, 2)
		l := start(t, store, seed)
		l.safe = picture(t, l.s, store)
		l.commits(3, 5, -1)
		for range 5 {
			l.act()
		}
		var next *life
		left := l.rng.IntN(7)
		take := func() { // it reaches disk 2 only, and the other then disk 1 only
			store.between = nil
			store.lost = [MaxDisks]bool{true, false}
			next = start(t, store, seed+1000)
			store.lost = [MaxDisks]bool{false, true}
		}
		store.between = func() {
			if left--; left == 0 {
				take()
			}
		}
		err := l.commit(seed%2 == 0)
		if store.between = nil; next == nil {
			take()
		} else if err != nil && !errors.Is(err, ErrTaken) && !errors.Is(err, std.RPCNotFound) {
			t.Fatal(err)
		}
		store.lost = [MaxDisks]bool{true, false}
		if now := picture(t, next.s, store); now != l.safe && (err == nil || now != l.cut) {
			t.Fatalf("history %d: the other finds\n%s\nand it was\n%s\nor\n%s", seed, now, l.safe, l.cut)
		}
		store.lost = [MaxDisks]bool{false, true}
		l.do(filesys.Mkdir, 0, 0o755, "one more")
		if err := l.keeper.Commit(l, l.s, false); !errors.Is(err, ErrTaken) {
			t.Fatalf("history %d: a server that has lost its storage commits: %v", seed, err)
		}
	}
}

// A server that went on with one disk, and does not know yet that another has taken the
// storage over, finds the disk that it had lost: it removes nothing there.
func TestTwoDisks_TakenOverAndFound(t *testing.T) {
	store := newSimDisks(1, 2)
	l := start(t, store, 1)
	l.commits(1, 30, -1)
	store.lose(1)
	l.commits(1, 30, -1)
	if store.lost[1] = false; l.keeper.current(1) {
		t.Fatal("it has not lost a disk")
	}
	next := start(t, store, 2)
	next.caughtUp()
	next.commits(1, 30, -1)
	if _, err := l.mend(); !errors.Is(err, ErrTaken) {
		t.Errorf("it mends: %v", err)
	}
	start(t, store.cut().only(1), 3).kept(next)
}

// While a disk catches up there is a checkpoint, and then nothing changes any more: all the
// same the last one names the copies that were made in between.
func TestTwoDisks_CheckpointMeanwhile(t *testing.T) {
	store := newSimDisks(1, 2)
	l := start(t, store, 1)
	store.lose(1)
	c, _, _ := l.client.open("f", 2|oCreat, 0o644)
	const blocks = 3 * atOnce
	for i := range blocks {
		l.ask(c, std.Header{Command: filesys.Write, Offset: uint64(i * blockSize), Extra: l.node}, []byte("text"))
	}
	if err := l.commit(true); err != nil {
		t.Fatal(err)
	}
	store.lost[1] = false
	for step := range 3 {
		if more, err := l.mend(); !more || err != nil {
			t.Fatal(more, err)
		}
		if left := len(l.keeper.mend.todo); left != blocks-step*atOnce {
			t.Fatalf("%d blocks are to be copied", left)
		}
		if err := l.commit(true); err != nil || l.keeper.current(1) {
			t.Fatalf("%v\n%s", err, l.keeper)
		}
	}
	l.caughtUp()
	l.safe = picture(t, l.s, store)
	again := start(t, store.cut(), 2)
	if again.kept(l); !again.keeper.current(1) {
		t.Errorf("what has caught up lacks something:\n%s", again.keeper)
	}
}

// A full disk is not a lost one: who commits is told, and both stay current. But one that
// catches up, and has no room, does not keep others from going on.
func TestTwoDisks_NoRoom(t *testing.T) {
	store := newSimDisks(1, 2)
	l := start(t, store, 1)
	work := func() error {
		for range 30 {
			l.act()
		}
		return l.commit(false)
	}
	for disk := range 2 {
		store.full[disk] = true
		if err := work(); !errors.Is(err, std.NoSpace) || !l.keeper.current(0) || !l.keeper.current(1) {
			t.Errorf("disk %d is full: %v\n%s", disk+1, err, l.keeper)
		}
		store.full[disk] = false
		if err := work(); err != nil {
			t.Fatal(err)
		}
		l.mirrored()
	}
	store.lose(1)
	if err := work(); err != nil || l.keeper.current(1) {
		t.Fatalf("%v\n%s", err, l.keeper)
	}
	store.lost[1], store.full[1] = false, true
	for range 10 {
		if _, err := l.mend(); err != nil {
			t.Error(err)
		}
		if err := work(); err != nil || l.keeper.current(1) {
			t.Errorf("%v\n%s", err, l.keeper)
		}
	}
	if !strings.Contains(l.keeper.String(), "copy on disk 2: out of date, since it could not be used: STD_NOSPACE") {
		t.Errorf("it says\n%s", l.keeper)
	}
	if l.keeper.failed[1] != 3 {
		t.Errorf("it has failed %d times", l.keeper.failed[1])
	}
	store.full[1] = false
	l.caughtUp()
	if l.keeper.failed[1] != 0 {
		t.Error("it is taken for one that fails")
	}
}

// A server that has had one disk gets a second one, and then the first is taken away.
func TestTwoDisks_SecondOneLater(t *testing.T) {
	store := newSimDisks(1, 2)
	all := store.disks
	store.disks = all[:1]
	l := start(t, store, 1)
	l.work(20)
	if err := l.commit(false); err != nil {
		t.Fatal(err)
	}
	store.between = nil
	store = store.cut()
	store.disks = all
	next := start(t, store, 2)
	next.kept(l)
	if next.keeper.current(1) {
		t.Fatal("an empty disk is current")
	}
	next.caughtUp()
	next.safe = next.cut
	store = store.cut()
	store.disks = all[1:]
	alone := start(t, store, 3)
	if now := picture(t, alone.s, store); now != picture(t, next.s, store) {
		t.Error("it is not what it was")
	}
	store = store.cut()
	store.disks = all[:1]
	if _, _, err := Open(store, simConfig(4)); err == nil {
		t.Error("the disk that was taken away is believed")
	}
}

// A disk that is empty, though it should have all, is filled again; and a record of
// the journal that cannot be read is had from the other disk.
func TestTwoDisks_Damaged(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(s *simStore, k *Keeper)
	}{
		{"an empty disk", func(s *simStore, k *Keeper) {
			for c, f := range s.files {
				if f.disk == 0 {
					delete(s.files, c)
				}
			}
		}},
		{"a damaged record", func(s *simStore, k *Keeper) { s.files[k.journal[0][0]].data[20] ^= 1 }},
		{"a missing record", func(s *simStore, k *Keeper) { delete(s.files, k.journal[0][0]) }},
		{"an old copy of a disk", func(s *simStore, k *Keeper) {
			for _, f := range k.journal[1:] {
				delete(s.files, f[0])
			}
		}},
		{"a damaged part", func(s *simStore, k *Keeper) { s.files[k.parts[0][0]].data[20] ^= 1 }},
		{"a missing part", func(s *simStore, k *Keeper) { delete(s.files, k.parts[0][0]) }},
		{"a damaged root", func(s *simStore, k *Keeper) { s.files[k.anchor[0]].data[20] ^= 1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := newSimDisks(2, 2)
			l := start(t, store, 2)
			l.commits(4, 30, 0)
			test.damage(store, l.keeper)
			next := start(t, store.cut(), 3)
			if now := picture(t, next.s, next.store); now != l.safe {
				t.Fatalf("it finds\n%s\nand was\n%s", now, l.safe)
			}
			next.caughtUp()
			next.safe = picture(t, next.s, next.store)
			clear(next.store.ghosts) // among which is what is damaged
			for i := range store.disks {
				start(t, next.store.cut().only(i), 4).kept(next)
			}
		})
	}
}

// What servers of one disk have left, whose files had one capability each, is read, and gets
// a second copy.
func TestTwoDisks_OldFormat(t *testing.T) {
	store := newSimDisks(3, 2)
	all := store.disks
	store.disks = all[:1]
	l := start(t, store, 3)
	l.commits(4, 40, 1)
	// The number 1, and what capabilities of the first disk's files begin with.
	oneFile := regexp.MustCompile(fmt.Sprintf(`(?s)\x01(\x%02x\x00{5}.{%d})`, simDisk, capability.EncodedLen-6))
	named := 0
	for c, f := range store.files {
		if f.tag == TagBlock {
			continue
		}
		body := f.data[5 : len(f.data)-4]
		named += len(oneFile.FindAll(body, -1))
		body = oneFile.ReplaceAll(body, []byte("$1"))
		f.data = seal(append(append(f.data[:4:4], 1), body...))
		store.files[c] = f
	}
	if named < 4 {
		t.Fatalf("%d files are named", named)
	}
	store = store.cut()
	store.disks = all
	next := start(t, store, 4)
	next.kept(l)
	next.caughtUp()
	next.safe = picture(t, next.s, store)
	start(t, store.cut().only(1), 5).kept(next)
}
