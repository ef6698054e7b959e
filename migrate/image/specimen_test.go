package image_test

import (
	"bytes"

	"motile/migrate/image"
)

// specimen is a process in the middle of things: what the golden images of each version
// have in them.
func specimen() (*image.Process, []image.Object, image.RPC) {
	fx := bytes.Repeat([]byte{0xf1, 0x0f}, 256)
	var header [64]byte
	header[0] = 0x4d
	digest := bytes.Repeat([]byte{0xd1}, 32)
	p := &image.Process{
		PID: 1000007, Parent: 1000002, PGID: 1000007, SID: 1000002,
		Threads: image.Threads{{
			TID: 1000007, Regs: [20]uint64{7: 0x7ffffff0, 16: 0x401000, 17: 0x202}, FX: fx,
			Call: &image.Call{Nr: 35, Args: [6]uint64{0x500000}, Remaining: 1_500_000_000, Aux: [4]uint64{1}},
			Mask: 1 << 14, AltStack: [2]uint64{0x600000, 8192}, Name: "main", UserNs: 5e6, SystemNs: 1e6,
		}, {
			TID: 1000008, Index: 1, FX: fx, ClearTID: 0x700000, RobustList: 0x700100, Server: 3, Name: "worker",
			Call:    &image.Call{Nr: 0x4d01, Slot: 5, Reply: &image.Reply{Header: header[:], Data: []byte("answer")}},
			Below:   image.Suspendeds{{Call: image.Call{Nr: 202, Args: [6]uint64{0x500008}}, Frame: 0x7ffffe00}},
			Pending: []image.Signal{{Signo: 10, Code: -6, PID: 1000002}},
		}},
		Regions: []image.Region{
			{Start: 0x400000, End: 0x402000, Prot: 5, Store: 0},
			{Start: 0x500000, End: 0x510000, Prot: 3, Store: -1},
			{Start: 0x700000, End: 0x702000, Prot: 3, Store: 1, Shared: true},
			{Start: 0x7fff0000, End: 0x80000000, Prot: 3, Store: -1, Stack: true},
		},
		Stores: []image.Store{{Digest: digest, Path: "/bin/counter", Size: 8000}, {Size: 8192}},
		Files: []image.File{
			{Kind: image.KindRemote, Flags: 2, Path: "/dev/console", Object: -1, Address: bytes.Repeat([]byte{0xad}, 16), Mode: 0o20620, Rdev: 0x501, Terminal: true, Counted: true, Home: 1},
			{Kind: image.KindPipeR, Path: "pipe:", Object: 0}, {Kind: image.KindPipeW, Flags: 1, Path: "pipe:", Object: 0},
			{Kind: image.KindEventfd, Flags: 2, Path: "eventfd", Object: 1}, {Kind: image.KindEpoll, Flags: 2, Path: "epoll", Object: 2},
			{Kind: image.KindRegular, Path: "/etc/motd", Digest: digest, Offset: 17, Object: -1},
			{Kind: image.KindDir, Path: "/root", Object: -1}, {Kind: image.KindDevice, Path: "/dev/null", Object: -1},
		},
		FDs: []image.FD{{FD: 0, File: 0}, {FD: 1, File: 0}, {FD: 3, File: 1}, {FD: 4, File: 2, Cloexec: true}, {FD: 5, File: 3},
			{FD: 6, File: 4}, {FD: 7, File: 5}, {FD: 8, File: 6}, {FD: 9, File: 7}},
		Actions:  []image.Action{{Signal: 10, Handler: 0x401100, Flags: 0x14000000, Restorer: 0x401200, Mask: 1}},
		Pending:  []image.Signal{{Signo: 15, PID: 1000002, Value: 42}},
		Children: []image.Child{{PID: 1000009, PGID: 1000007, State: 3, Status: 256, UserNs: 5, SystemNs: 6, ExitSig: 17}},
		Limits:   []image.Limit{{Cur: 1 << 20, Max: 1 << 30}}, Timers: [3]image.ITimer{{Left: 250e6, Period: 1e9}},
		Umask: 0o22, Cwd: "/root", TTY: 0, Comm: "counter", Args: []string{"counter", "-v"}, Exe: "/bin/counter", Comment: "golden",
		Brk: 0x520000, BrkStart: 0x518000, Now: 60e9, Wall: 1_700_000_060e9, Started: 1e9, UserNs: 7e6, SystemNs: 2e6, ChildUser: 5, ChildSys: 6,
		ExitSig: 17, Execed: true, NextIndex: 2, Missing: map[uint32]int{300: 2}, Moves: 1, Trail: []int{1, 2}, Log: -1, Owner: bytes.Repeat([]byte{0xca}, 44), Kept: true,
	}
	objects := []image.Object{{Pipe: []byte("in flight"), Readers: 1, Writers: 1}, {Count: 9, Sema: true},
		{Watches: []image.Watch{{FD: 3, File: 1, Events: 1, Data: 77, Listed: true}}}}
	return p, objects, image.RPC{PID: []byte("endpoint"), Own: []byte("another"), Groups: []image.Group{{GID: 4, State: []byte("member")}}}
}

// checkpoint is what version 2 adds.
func checkpoint() (image.Lineage, image.Segments) {
	return image.Lineage{ID: [16]byte{0x11, 15: 0x22}, Generation: 3, Taken: 1_700_000_060e9, PID: 1000007, Node: 2, Kernel: "motile",
			CPU: []image.CPUID{{Leaf: 1, Regs: [4]uint32{1, 2, 3, 4}}}},
		image.Segments{{Store: -1, Start: 0x500000, Size: 0x10000, Runs: []uint64{0, 2, 8, 4}},
			{Store: -1, Start: 0x7fff0000, Size: 0x10000, Runs: []uint64{15, 1}}, {Store: 1, Size: 0x2000, Runs: []uint64{0, 1}}}
}
