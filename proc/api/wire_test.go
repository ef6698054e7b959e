package api

import (
	"bytes"
	"testing"

	"motile/migrate/image"
	"motile/tools/imagetest"
)

// samples are one of each payload.
var samples = []any{
	sampleInfo,
	CheckpointMessage{PID: 1000007, Cap: bytes.Repeat([]byte{0xca}, 44), Code: 3, Signal: 11, Info: sampleInfo,
		Image: []byte("image"), Snapshot: bytes.Repeat([]byte{0x5a}, 44), Without: "it is too long"},
	ListReply{Node: 2, Processes: []ProcessInfo{sampleInfo}},
	sampleLoad,
	SLoad{Load: sampleLoad, Exec: bytes.Repeat([]byte{0xec}, 44), ValidMs: 15000},
	Definition{PageLog2: 12, FirstPage: 1, LastPage: 0x7fffffff},
	NodesReply{Nodes: []Load{sampleLoad}},
	FileRef{Address: bytes.Repeat([]byte{0xad}, 16), Path: "/dev/console", Flags: 2, Terminal: true, Log: true},
	ExecRequest{Path: "/bin/cat", Args: []string{"cat", "-"}, Env: []string{"HOME=/root"}, Cwd: "/root",
		Files: []FileRef{{Path: "/etc/motd"}}, Detached: true, Terminal: true, Comment: "a cat", Shake: &Shake{Every: 10, By: ShakeByMove, Seed: 7},
		Image: []byte("MOTILEIM"), Stdio: []FileRef{{Path: "/dev/console", Terminal: true}}, ImageCap: []byte{0xca}, Lease: 9e9},
	ExecReply{PID: 1000007, Errno: 2, Missing: [][]byte{{0xd1}}, Refused: "node 3 lacks AVX2",
		Restart: RestartReport{PullUs: 1, BuildUs: 2, TotalUs: 3, Pages: 4, Shared: 5, Bytes: 6}},
	SnapshotReply{Image: []byte("MOTILEIM"), FreezeUs: 900, Node: 2, Pages: 300, Refused: "it is on the move",
		CaptureUs: 400, ForkUs: 500, EncodeUs: 100, Bytes: 8},
	PutFileRequest{Digest: bytes.Repeat([]byte{0xd1}, 32), Path: "/tmp/x", Size: 70000, Data: []byte("data")},
	PutFileReply{Have: true, Got: 49152},
	GetFileReply{Path: "/bin/counter", Size: 70000, Boot: true, Data: []byte("\x7fELF")},
	SignalRequest{Signo: 15, Code: -6, PID: 1000002, Value: 42, TID: 1000007},
	ChildEvent{PID: 1000007, PGID: 1000002, State: 3, Status: 256, UserNs: 5e6, SystemNs: 2e6, ExitSig: 17, Seq: 4},
	GroupReply{PIDs: []int32{1000007, 2000003}, SID: 1000002},
	WaitReply{Status: 256, Moves: 3, Shaken: &sampleShaken, Lost: 2},
	MigrateRequest{PID: 1000007, Target: 3, Strategy: "copy", Residual: true, Cap: bytes.Repeat([]byte{0xca}, 44),
		Tree: true, With: [][]byte{{0xcb}}, MaxFreezeUs: 20000, Rate: 1 << 20, Server: "user"},
	MigrateReply{PID: 1000007, Node: 3, Error: "node 3: it is full", Elsewhere: true, Report: sampleReport, Processes: []int32{1000007, 1000008}},
	ExplainReply{PID: 1000007, Node: 2, Target: 3, Elsewhere: true, Error: "there is no node 3", Processes: []int32{1000007, 1000008}, More: 2,
		Obstacles: []Obstacle{{PID: 1000007, Node: 3, What: "fd 3 (/tmp/x)", Why: "is a writable file of this node"}},
		Report:    sampleReport, Files: []ExplainFile{{Path: "/bin/counter", Size: 70000}}, Moves: 5},
	sampleReport,
	ResolveRequest{PID: 1000007, Resume: true},
	HolderRequest{Node: 2, Boot: 0x0102030405060708, Seq: 9, Unlock: []Unlock{{PID: 1000007, Upto: 5e9}}},
	EchoRequest{Station: []byte{0x52, 0x54, 0, 0x4d, 0, 2}, Rounds: 100, Window: 4, Size: 64, Fill: 3, FillSize: 1514},
	EchoReply{RoundNs: []int64{90000, 91000}, TotalNs: 181000, Dropped: 1},
	MetricsReply{Node: 2, Metrics: []Metric{{Name: "page_faults", Kind: Counter, Help: "Page faults.", Values: []MetricValue{{Value: 7}}},
		{Name: "move_freeze", Kind: Histogram, Unit: "seconds", Help: "Frozen.", Label: "le", Values: []MetricValue{{Label: "+Inf", Value: 1}}, Sum: 0.5}}},
	TraceReply{Node: 2, Boot: 0x0102030405060708, NowNs: 3, Moves: []MoveTrace{{Boot: 0x0102030405060708, Nr: 3, Out: true, Peer: 3, PIDs: []int32{1000007}, Command: "cat",
		Outcome: "aborted", Why: "node 3 went silent", BeganNs: 1, EndedNs: 2, StepsLost: 4,
		Steps:    []TraceStep{{AtNs: 1, What: "accepted", Effect: true, State: "sending", Figures: map[string]int64{"pages": 300}}},
		Messages: []TraceMessage{{Command: MovePages, Seq: 5, Bytes: 60000, AtNs: 6, OverNs: 7}}}}},
	ProfileRequest{Begin: true, PeriodNs: 1000000, End: true},
	ProfileReply{Samples: []ProfileSample{{PID: 1000007, Addresses: []uint64{0x401000}}}, Idle: 8, Dropped: 9,
		Commands: map[int32]string{1000007: "cat"}, Refused: "somebody else does"},
}

var sampleInfo = ProcessInfo{PID: 1000007, Parent: 1000002, PGID: 1000007, SID: 1000002, Node: 2, Trail: []int{1, 2}, Threads: 3,
	SizeKB: 1200, VirtKB: 8000, State: "S", CPUms: 250, Command: "cat -", Moves: 1, Residuals: []string{"node 1: /dev/console"},
	Missing: map[uint32]int{999: 2}, Comment: "a cat", AgeMs: 60000, Detached: true, Status: 256,
	Stun: "code 3; its owner was asked", LeaseMs: 5000, Shaken: &sampleShaken}

var sampleLoad = Load{Node: 2, Boot: 0x0102030405060708, UptimeMs: 90000, Runnable: 1, LoadMilli: 500, Processes: 7, TotalKB: 80000,
	FreeKB: 60000, HeapKB: 9000, WallNs: 1_800_000_000e9, Machine: "microvm", HeardMs: 1500}

var sampleShaken = Shaken{Moves: 3, Restores: 90, Refused: 1}

var sampleReport = MoveReport{NegotiateUs: 1, PrecopyUs: 2, FreezeUs: 3, TransferUs: 4, CommitUs: 5, FirstRunUs: 6, TotalUs: 7,
	Bytes: 8, Pages: 9, FilePages: 10, ZeroPages: 11, StateBytes: 12, SharedPages: 13,
	Strategy: "precopy", Rounds: []MoveRound{{Pages: 14, Us: 15, Dirty: 16}}, Resent: 17, Left: 18, LeftOn: "node 1", Note: "kept writing", Server: "user"}

func TestPayloads_GoldenBytes(t *testing.T) { imagetest.Golden(t, samples...) }

func FuzzPayloads(f *testing.F) { imagetest.Fuzz(f, samples...) }

func TestHello(t *testing.T) {
	key, other := Key{7}, Key{8}
	load, err := image.Marshal(sampleLoad)
	if err != nil {
		t.Fatal(err)
	}
	b := key.Hello(load)
	if want := "hello1"; string(b[:6]) != want || !bytes.Equal(b[6+16:], load) {
		t.Errorf("% x", b)
	}
	if got, ok := key.Hears(b); !ok || !bytes.Equal(got, load) {
		t.Errorf("heard % x, %v", got, ok)
	}
	if _, ok := other.Hears(b); ok {
		t.Error("another cluster's hello was heard")
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x10
		if _, ok := key.Hears(bad); ok {
			t.Errorf("heard although byte %d is another", i)
		}
	}
}

func FuzzHears(f *testing.F) {
	key := Key{7}
	f.Add(key.Hello([]byte("load")))
	f.Add([]byte("hello1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if load, ok := key.Hears(b); ok && !bytes.Equal(key.Hello(load), b) {
			t.Errorf("% x is heard, and no hello", b)
		}
	})
}
