package nodetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
)

// Where the programs of these tests keep things.
const (
	moreAt  = 20480
	infoAt  = 20544
	pauseAt = 20800
	logAt   = 65536
)

const (
	groupSends = 300 // by each of three members
	groupInfo  = 48
)

var groupPort = capability.Port{0x96, 1}

func (u *User) info() (expect uint64, total, index, sequencer uint32) {
	b := u.Get(infoAt, groupInfo)
	return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[28:]), binary.LittleEndian.Uint32(b[32:]), binary.LittleEndian.Uint32(b[36:])
}

// groupMember sends numbered messages and writes down what it receives: A counts what
// it has sent, B what it has received. At the end it prints a sum over its log.
func groupMember(enter func(u *User)) int {
	return Register(func(u *User) {
		switch u.PC() {
		case 0:
			enter(u)
		case 1:
			if u.Ret == int64(std.BCNoExist) {
				u.Goto(0)
				return
			}
			u.must("enter")
			u.Call(2, abi.SysGrpInfo, 0, DataBase+infoAt, 256)
		case 2:
			u.must("info")
			if _, total, _, _ := u.info(); total < 3 {
				var pause [16]byte
				pause[8+2] = 0x20 // 2 ms
				u.Call(3, abi.SysNanosleep, u.Put(pauseAt, pause[:]), 0)
				return
			}
			u.Goto(4)
		case 3:
			u.Ret = 0
			u.Goto(1)
		case 4: // send number A
			if u.A() == groupSends {
				u.Goto(6)
				return
			}
			size := u.A() % 5 * 700
			u.Call(5, abi.SysGrpSend, 0, u.putHeader(std.Header{Extra: uint32(u.TID()), Offset: u.A()}), DataBase+rawAt, size)
		case 5:
			u.must("send")
			u.SetA(u.A() + 1)
			u.Goto(6)
		case 6: // receive
			if u.B() == 3*groupSends {
				sum := uint64(0)
				for i := range 3 * groupSends {
					sum = sum*1_000_003 + binary.LittleEndian.Uint64(u.Get(logAt+8*i, 8))
				}
				line := fmt.Sprintf("%x\n", sum)
				u.Call(8, abi.SysWrite, 1, u.Put(lineAt, []byte(line)), uint64(len(line)))
				return
			}
			u.Call(7, abi.SysGrpReceive, 0, u.putHeader(std.Header{}), DataBase+rawAt, 4096, DataBase+moreAt)
		case 7:
			u.must("receive")
			h := u.header()
			if uint64(u.Ret) != h.Offset%5*700 {
				panic(fmt.Sprintf("message %d of %d has %d bytes", h.Offset, h.Extra, u.Ret))
			}
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], uint64(h.Extra)<<32|h.Offset)
			u.Put(logAt+8*int(u.B()), b[:])
			u.SetB(u.B() + 1)
			if binary.LittleEndian.Uint32(u.Get(moreAt, 4)) > 0 || u.A() == groupSends {
				u.Goto(6)
			} else {
				u.Goto(4)
			}
		case 8:
			u.Call(9, abi.SysGrpLeave, 0)
		case 9:
			u.must("leave")
			u.Call(0, abi.SysExitGroup, 0)
		}
	})
}

var (
	groupCreator = groupMember(func(u *User) {
		u.Call(1, abi.SysGrpCreate, u.putHeader(std.Header{Port: groupPort}), 1, 4, 4, 12)
	})
	groupJoiner = groupMember(func(u *User) {
		u.Call(1, abi.SysGrpJoin, u.putHeader(std.Header{Port: groupPort}))
	})
)

// Three members send as fast as they can, while all of them, the sequencer too, move
// from node to node. What they have received is the same, in the same order.
func TestGroup_MembersAndSequencerMove(t *testing.T) {
	total := 0 // a quick history has few moves
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 4, seed)
			w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
			out := w.Host.NewObject()
			var pids []int32
			for i, program := range []int{groupCreator, groupJoiner, groupJoiner} {
				nd := w.Nodes[i+1]
				pids = append(pids, nd.Start(program, nil, nd.Remote(out)).PID)
				w.watch(pids[i])
			}
			moves := 0
			for i := 0; strings.Count(string(out.Out), "\n") < 3; i++ {
				if i > 8000 {
					t.Fatalf("never done: %q\n%s", out.Out, w.Describe())
				}
				who := pids[i%3]
				if on := w.On(who); on != 0 {
					w.Host.Migrate(who, on, on%4+1, func(r api.MigrateReply) {
						if r.Error == "" {
							moves++
						}
					})
				}
				w.Run(5e6)
			}
			lines := strings.Split(strings.TrimSpace(string(out.Out)), "\n")
			if len(lines) != 3 || lines[0] != lines[1] || lines[1] != lines[2] {
				t.Errorf("the members' logs differ: %q", lines)
			}
			total += moves
		})
	}
	if total < 60 {
		t.Errorf("%d moves only", total)
	}
}

// groupKilled joins, and waits for a message.
var groupKilled = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGrpJoin, u.putHeader(std.Header{Port: groupPort}))
	case 1:
		u.must("join")
		u.Call(2, abi.SysGrpReceive, 0, u.putHeader(std.Header{}), DataBase+rawAt, 4096, 0)
	}
})

// groupAlone creates a group, and counts its members in A.
var groupAlone = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGrpCreate, u.putHeader(std.Header{Port: groupPort}), 0, 4, 4, 12)
	case 1:
		u.must("create")
		u.Goto(2)
	case 2:
		var pause [16]byte
		pause[8+2] = 0x20
		u.Call(3, abi.SysNanosleep, u.Put(pauseAt, pause[:]), 0)
	case 3:
		u.Call(4, abi.SysGrpInfo, 0, DataBase+infoAt, 256)
	case 4:
		u.must("info")
		_, total, _, _ := u.info()
		u.SetA(uint64(total))
		u.Goto(2)
	}
})

// A process that is killed leaves its groups in good order: nobody is aborted.
func TestGroup_KilledMemberLeaves(t *testing.T) {
	w := New(t, 2, 1)
	first := w.Nodes[1].Start(groupAlone)
	second := w.Nodes[2].Start(groupKilled)
	members := func() uint64 { return first.Leader().Frame.R13 }
	w.RunUntil(5e9, "two members", func() bool { return members() == 2 })
	w.Nodes[2].Tab.Exit(second, 9)
	w.RunUntil(5e9, "one member", func() bool { return members() == 1 })
}

// Arguments that make no sense get an error each.
func TestGroup_BadCalls(t *testing.T) {
	var results []int64
	calls := []struct {
		nr   uint64
		args []uint64
		want std.Status
	}{
		{abi.SysGrpSend, []uint64{0, 0, 0, 0}, std.BCBadPort},
		{abi.SysGrpInfo, []uint64{1 << 40, 0, 0}, std.BCBadPort},
		{abi.SysGrpCreate, []uint64{3, 0, 2, 4, 10}, std.RPCBadAddress},
		{abi.SysGrpCreate, []uint64{DataBase + hdrAt, 2, 2, 4, 10}, std.ArgBad},
		{abi.SysGrpCreate, []uint64{DataBase + hdrAt, 0, 2, 4, 20}, std.BCTooBig},
		{abi.SysGrpCreate, []uint64{DataBase + hdrAt, 0, 1 << 40, 4, 10}, std.ArgBad},
		{abi.SysGrpCreate, []uint64{DataBase + hdrAt, 0, 2, 4, 10}, 0},
		{abi.SysGrpSend, []uint64{0, DataBase + hdrAt, DataBase, 1 << 30}, std.Overflow},
		{abi.SysGrpSend, []uint64{0, DataBase + hdrAt, DataBase, 1<<10 + 1}, std.BCTooBig},
		{abi.SysGrpSend, []uint64{0, 3, DataBase, 10}, std.RPCBadAddress},
		{abi.SysGrpInfo, []uint64{0, DataBase, 3}, std.Overflow},
		{abi.SysGrpInfo, []uint64{0, 3, 300}, std.RPCBadAddress},
		{abi.SysGrpSet, []uint64{0, 77, 3}, std.ArgBad},
		{abi.SysGrpForward, []uint64{0, DataBase + hdrAt, 5}, std.BCNoExist},
		{abi.SysGrpForward, []uint64{0, DataBase + hdrAt, 0}, std.RPCBadPort},
		{abi.SysGrpSend, []uint64{0, DataBase + hdrAt, DataBase, 100}, 0},
		{abi.SysGrpReceive, []uint64{0, DataBase + hdrAt, DataBase + rawAt, 99, 0}, std.Overflow},
		{abi.SysGrpReceive, []uint64{0, DataBase + hdrAt, DataBase + rawAt, 100, 0}, 100},
		{abi.SysGrpReset, []uint64{0, 0, 2}, std.BCFail},
		{abi.SysGrpSend, []uint64{0, DataBase + hdrAt, DataBase, 100}, std.BCAbort},
		{abi.SysGrpReset, []uint64{0, DataBase + hdrAt, 1}, 1},
		{abi.SysGrpReceive, []uint64{0, DataBase + hdrAt, DataBase + rawAt, 100, 0}, 0},
		{abi.SysGrpLeave, []uint64{0}, 0},
		{abi.SysGrpLeave, []uint64{0}, std.BCBadPort},
	}
	p := Register(func(u *User) {
		pc := int(u.PC())
		if pc > 0 {
			results = append(results, u.Ret)
		} else {
			u.putHeader(std.Header{Port: groupPort})
		}
		if pc < len(calls) {
			u.putHeader(std.Header{Port: groupPort})
			u.Call(uint64(pc+1), calls[pc].nr, calls[pc].args...)
		} else {
			u.Call(uint64(pc+1), abi.SysPause)
		}
	})
	w := New(t, 1, 1)
	w.Nodes[1].Start(p)
	w.RunUntil(20e9, "all calls", func() bool { return len(results) == len(calls) })
	for i, c := range calls {
		if results[i] != int64(c.want) {
			t.Errorf("call %d: %#x(%x) is %v, not %v", i, c.nr, c.args, std.Status(results[i]), c.want)
		}
	}
}
