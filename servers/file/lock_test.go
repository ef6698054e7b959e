package file

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// lockFile is a file that nodes 1 and 2 have open.
func lockFile(t *testing.T) (c *client, file capability.Capability) {
	c = newClient(t)
	for node := uint32(2); node > 0; node-- {
		c.node = node
		var e syscall.Errno
		if file, _, e = c.open("f", oCreat|2, 0o644); e != 0 {
			t.Fatal(e)
		}
	}
	return c, file
}

func (c *client) lock(file capability.Capability, node uint32, a filesys.LockAsk) uint32 {
	c.t.Helper()
	return c.lockAt(file, node, c.seq, a)
}

// lockAt asks for a lock after the node has said something under a number.
func (c *client) lockAt(file capability.Capability, node uint32, seq uint64, a filesys.LockAsk) uint32 {
	c.t.Helper()
	opener := filesys.Opener{Node: node, Boot: 1, Seq: seq}
	_, _, e := c.ask(file, std.Header{Command: filesys.Lock}, a.Append(opener.Append(nil)))
	return uint32(e)
}

// tell is what a node says by itself.
func (c *client) tell(file capability.Capability, command uint32, node uint32, seq uint64, data interface{ Append([]byte) []byte }) {
	c.t.Helper()
	c.seq = max(c.seq, seq)
	o := filesys.Opener{Node: node, Boot: 1, Seq: seq}
	c.ask(file, std.Header{Command: command}, data.Append(o.Append(nil)))
}

func description(n byte) filesys.LockOwner { return filesys.LockOwner{ID: [16]byte{n}} }

var (
	exclusive = filesys.LockAsk{Whole: true, Type: fileio.ExclusiveLock}
	shared    = filesys.LockAsk{Whole: true, Type: fileio.SharedLock}
	unlocked  = filesys.LockAsk{Whole: true, Type: fileio.Unlocked}
)

func by(o filesys.LockOwner, a filesys.LockAsk) filesys.LockAsk {
	a.LockOwner = o
	return a
}

// A lock lasts until its owner is on no node any more, however that comes about; and not
// longer.
func TestLock_LastsAsLongAsItsOwner(t *testing.T) {
	const again, free = eagain, 0
	mine, other := description(1), description(2)
	process := filesys.LockOwner{PID: 1000007}
	record := filesys.LockAsk{Type: fileio.ExclusiveLock, At: 5}
	for name, x := range map[string]struct {
		owner filesys.LockOwner
		lock  filesys.LockAsk
		do    func(c *client, f capability.Capability)
		want  uint32 // of another owner on node 2
	}{
		"held":     {mine, exclusive, func(*client, capability.Capability) {}, again},
		"given up": {mine, exclusive, func(c *client, f capability.Capability) { c.lock(f, 1, by(mine, unlocked)) }, free},
		"shared":   {mine, shared, func(*client, capability.Capability) {}, again},
		"closed": {mine, exclusive, func(c *client, f capability.Capability) {
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
		}, free},
		"node dead": {mine, exclusive, func(c *client, _ capability.Capability) { c.s.Lost(1) }, free},
		"other dead": {mine, exclusive, func(c *client, f capability.Capability) {
			c.s.Lost(2)
			c.node = 2
			c.open("f", 2, 0)
		}, again},
		"moved": {mine, exclusive, func(c *client, f capability.Capability) {
			c.tell(f, filesys.Hold, 2, 10, &filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Write: true, Lock: mine.ID})
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
			c.s.Lost(1)
		}, again},
		"moved, and lost": {mine, exclusive, func(c *client, f capability.Capability) {
			c.tell(f, filesys.Hold, 2, 10, &filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Write: true, Lock: mine.ID})
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
			c.s.Lost(2)
			c.node = 2
			c.open("f", 2, 0)
		}, free},
		"moved and back, and the first farewell comes late": {mine, exclusive, func(c *client, f capability.Capability) {
			h := &filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Write: true, Lock: mine.ID}
			c.tell(f, filesys.Hold, 2, 10, h)
			c.tell(f, filesys.Hold, 1, 10, h)
			c.tell(f, filesys.Unlock, 2, 11, &filesys.Unlocked{LockOwner: mine})
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
		}, again},
		"moved and back, and locked there before the first farewell comes": {mine, exclusive, func(c *client, f capability.Capability) {
			c.lock(f, 1, by(mine, unlocked)) // so the server notes nobody
			h := &filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Write: true, Lock: mine.ID}
			c.tell(f, filesys.Hold, 2, 10, h)
			c.tell(f, filesys.Unlock, 2, 11, &filesys.Unlocked{LockOwner: mine})
			c.tell(f, filesys.Hold, 1, 10, h)
			c.lockAt(f, 1, 10, by(mine, exclusive))
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
		}, again},
		"record held": {process, record, func(*client, capability.Capability) {}, again},
		"record closed": {process, record, func(c *client, f capability.Capability) {
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: process, Upto: 5})
		}, free},
		"record, closed before it was taken": {process, record, func(c *client, f capability.Capability) {
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: process, Upto: 4})
		}, again},
		"record moved": {process, record, func(c *client, f capability.Capability) {
			c.tell(f, filesys.Hold, 2, 10, &filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), PIDs: []int32{process.PID}})
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: process, Upto: -1})
		}, again},
	} {
		t.Run(name, func(t *testing.T) {
			c, f := lockFile(t)
			if e := c.lock(f, 1, by(x.owner, x.lock)); e != 0 {
				t.Fatalf("the lock: %d", e)
			}
			x.do(c, f)
			if x.owner == process {
				x.lock.At = 0
			}
			want := x.lock
			want.Type = fileio.ExclusiveLock
			if e := c.lock(f, 2, by(other, want)); e != x.want {
				t.Errorf("another one gets %d, want %d", e, x.want)
			}
		})
	}
}

// A request that comes after its owner's farewell is no lock: nobody would give it up.
func TestLock_AskedBeforeTheFarewell(t *testing.T) {
	mine, process := description(1), filesys.LockOwner{PID: 1000007}
	record := filesys.LockAsk{Type: fileio.ExclusiveLock, At: 5}
	for name, x := range map[string]struct {
		ask filesys.LockAsk
		do  func(c *client, f capability.Capability)
	}{
		"closed or moved": {by(mine, exclusive), func(c *client, f capability.Capability) {
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
		}},
		"process ended": {by(process, record), func(c *client, f capability.Capability) {
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: process, Upto: 6})
		}},
		"file opened again": {by(mine, exclusive), func(c *client, f capability.Capability) {
			c.tell(f, filesys.Unlock, 1, 9, &filesys.Unlocked{LockOwner: mine})
			c.tell(f, filesys.Release, 1, 0, &filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Upto: 9})
			c.open("f", 2, 0)
		}},
		"node started again": {by(mine, exclusive), func(c *client, f capability.Capability) {
			o := filesys.Opener{Node: 1, Boot: 2, Seq: 1}
			h := filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Write: true}
			c.ask(f, std.Header{Command: filesys.Hold}, h.Append(o.Append(nil)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, f := lockFile(t)
			asked := c.seq
			x.do(c, f)
			if e := c.lockAt(f, 1, asked, x.ask); e != filesys.NotHere {
				t.Errorf("%#x", e)
			}
			if c.s.Locks() != 0 {
				t.Error("it is a lock")
			}
		})
	}
}

// A node that does not have the file open gets no lock: nobody would hear of its end.
func TestLock_NotOpen(t *testing.T) {
	c, f := lockFile(t)
	if e := c.lock(f, 3, by(description(1), exclusive)); e != filesys.NotHere {
		t.Errorf("%#x", e)
	}
	if c.s.Locks() != 0 {
		t.Error("it has one")
	}
}

// Ranges that are locked and unlocked at random are what a table of bytes says.
func TestLock_Ranges(t *testing.T) {
	const bytes, owners = 24, 3
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c, f := lockFile(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			var model [owners][bytes]uint8 // 0: none
			for step := range 300 {
				who := rng.IntN(owners)
				start, n := rng.IntN(bytes), 0
				n = 1 + rng.IntN(bytes-start)
				a := filesys.LockAsk{LockOwner: description(byte(who + 1)), Type: uint8(rng.IntN(3)), Start: int64(start), Len: int64(n)}
				if rng.IntN(3) == 0 { // what is before a place
					a.Start, a.Len = int64(start+n), -int64(n)
				}
				want := uint32(0)
				for o := range owners {
					for b := start; b < start+n; b++ {
						if has := model[o][b]; o != who && a.Type != fileio.Unlocked && has != 0 &&
							(has-1 == fileio.ExclusiveLock || a.Type == fileio.ExclusiveLock) {
							want = eagain
						}
					}
				}
				if e := c.lock(f, 1, a); e != want {
					t.Fatalf("step %d: %+v: %d, want %d", step, a, e, want)
				}
				for b := start; want == 0 && b < start+n; b++ {
					if model[who][b] = a.Type + 1; a.Type == fileio.Unlocked {
						model[who][b] = 0
					}
				}
				for b := range bytes { // and that is what a test finds
					test := filesys.LockAsk{Test: true, Type: fileio.ExclusiveLock, Start: int64(b), Len: 1}
					_, data, _ := c.ask(f, std.Header{Command: filesys.Lock}, test.Append((&filesys.Opener{Node: 2, Boot: 1, Seq: c.seq}).Append(nil)))
					got, ok := filesys.DecodeLock(data)
					held := model[0][b] != 0 || model[1][b] != 0 || model[2][b] != 0
					if !ok || (got.Type != fileio.Unlocked) != held {
						t.Fatalf("step %d: byte %d: %+v, held %v", step, b, got, held)
					}
				}
			}
		})
	}
}
