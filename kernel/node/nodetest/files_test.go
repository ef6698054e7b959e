package nodetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"motile/ipc/filesys"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
	"motile/servers/file"
)

// fileServer is a file server on the host.
type fileServer struct {
	h *Host
	s *file.Server

	recalls, asked int
}

// FileServer starts one and mounts it as /tmp on all nodes.
func (w *World) fileServer() *fileServer {
	get := w.Key.ServicePort(file.Name, 0)
	f := &fileServer{h: w.Host, s: file.New(file.Config{Port: get.Put(), Secret: w.Key.ServiceSecret(file.Name, 0),
		Random: w.rng.Uint64, Capacity: 1 << 28, Now: 1})}
	ep := w.Host.m.Open(w.Now, rpc.Options{Owner: f, Upcall: true})
	w.Host.m.Listen(w.Now, ep, get.Put())
	w.Host.perform()
	for _, nd := range w.Nodes[1:] {
		nd.mountFiles()
	}
	return f
}

func (nd *Node) mountFiles() {
	pl, errno := nd.K.FS.Lookup(nd.K.FS.Root, "/tmp", true)
	if errno == 0 {
		errno = nd.K.FS.Attach(pl.Node, nd.w.Key.ServiceCap(file.Name, 0))
	}
	if errno != 0 {
		nd.w.T.Fatalf("mounting: %d", errno)
	}
}

func (f *fileServer) answer(r rpc.Incoming) {
	f.asked++
	r.Data = bytes.Clone(r.Data)
	f.do(&r)
}

func (f *fileServer) do(r *rpc.Incoming) {
	h := f.h
	hd := r.Header
	reply, recalls := f.s.Do(h.w.Now, &hd, r.Data)
	if len(recalls) == 0 {
		h.m.Reply(h.w.Now, r.Handle, &hd, reply)
		return
	}
	left := len(recalls)
	for _, c := range recalls {
		f.recalls++
		q := &std.Header{Command: filesys.Recall, Offset: c.Object}
		q.SetCapability(h.w.Key.NodeCap(int(c.Node)))
		about := filesys.Recalled{Port: h.w.Key.ServicePort(file.Name, 0).Put(), Stamp: c.Stamp}
		h.Ask(h.w.Key.NodeAddress(int(c.Node)), q, about.Append(nil), func(e rpc.Complete) {
			if e.Status == std.OK {
				f.s.Recalled(c, e.Header.Extra == 1)
			} else {
				f.s.Unreached(c)
			}
			if left--; left == 0 {
				f.do(r)
			}
		})
	}
}

// counted is one of a shared file: who writes it, and what is known to be there.
type counted struct{ issued, acked uint64 }

var words [3]counted

const (
	fileNameAt = 1024
	wordsAt    = 8192
	turnsEach  = 400
)

// wordWriter writes its word, whose number is in B, again and again, each time one
// higher, and reads all of the others: what it reads is no older than what was
// acknowledged when it began. A counts.
var wordWriter = Register(func(u *User) {
	const fd = 3
	mine := &words[u.B()]
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/words\x00")), object.OCreat|object.ORdwr, 0o644)
	case 1:
		if u.Ret != fd {
			panic(fmt.Sprintf("open: %d", u.Ret))
		}
		u.Goto(2)
	case 2:
		mine.issued++
		u.Call(3, abi.SysPwrite64, fd, u.Put(wordsAt, binary.LittleEndian.AppendUint64(nil, mine.issued)), 8, 8*u.B())
	case 3:
		if u.Ret != 8 {
			panic(fmt.Sprintf("pwrite: %d", u.Ret))
		}
		mine.acked = mine.issued
		for i := range words { // what is known before the read
			u.Put(wordsAt+64+8*i, binary.LittleEndian.AppendUint64(nil, words[i].acked))
		}
		u.Call(4, abi.SysPread64, fd, DataBase+wordsAt, 8*uint64(len(words)), 0)
	case 4:
		if u.Ret < 0 {
			panic(fmt.Sprintf("pread: %d", u.Ret))
		}
		got := make([]byte, 8*len(words))
		copy(got, u.Get(wordsAt, int(u.Ret)))
		for i := range words {
			v, least := binary.LittleEndian.Uint64(got[8*i:]), u.Load(DataBase+wordsAt+64+8*uint64(i))
			if v < least || v > words[i].issued {
				panic(fmt.Sprintf("word %d is %d for the writer of %d; %d was acknowledged, %d were issued", i, v, u.B(), least, words[i].issued))
			}
		}
		u.SetA(u.A() + 1)
		switch {
		case u.A() == turnsEach:
			u.Call(5, abi.SysExitGroup, 0)
		case u.A()%50 == 49: // closed and opened, it may be kept by one node again
			u.Call(6, abi.SysClose, fd)
		default:
			u.Goto(2)
		}
	case 6:
		u.Goto(0)
	}
})

// wordReader reads the words again and again, and has the file open all the time; now
// and then it is written, and between that its node may keep it. A counts, B those that
// cost nothing.
var wordReader = Register(func(u *User) {
	const fd = 3
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/words\x00")), object.OCreat|object.ORdonly, 0o644)
	case 1:
		if u.Ret != fd {
			panic(fmt.Sprintf("open: %d", u.Ret))
		}
		u.Goto(2)
	case 2:
		u.Store(DataBase+wordsAt+64, words[0].acked)
		u.Call(3, abi.SysPread64, fd, DataBase+wordsAt, 8, 0)
	case 3:
		v, least := uint64(0), u.Load(DataBase+wordsAt+64)
		if u.Ret == 8 {
			v = u.Load(DataBase + wordsAt)
		}
		if v < least || v > words[0].issued {
			panic(fmt.Sprintf("read %d; %d was acknowledged, %d were issued", v, least, words[0].issued))
		}
		words[u.B()].acked++
		if words[0].acked >= writes {
			u.Call(4, abi.SysExitGroup, 0)
			return
		}
		u.Goto(2)
	}
})

const writes = 60

// rareWriter writes a word, with the file closed and some time in between.
var rareWriter = Register(func(u *User) {
	const fd = 3
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/words\x00")), object.OCreat|object.OWronly, 0o644)
	case 1:
		words[0].issued++
		u.Call(2, abi.SysPwrite64, fd, u.Put(wordsAt, binary.LittleEndian.AppendUint64(nil, words[0].issued)), 8, 0)
	case 2:
		if u.Ret != 8 {
			panic(fmt.Sprintf("pwrite: %d", u.Ret))
		}
		words[0].acked = words[0].issued
		if words[0].acked >= writes {
			u.Call(4, abi.SysExitGroup, 0)
			return
		}
		u.Call(3, abi.SysClose, fd)
	case 3:
		u.Call(0, abi.SysNanosleep, u.Put(wordsAt, binary.LittleEndian.AppendUint64(make([]byte, 8), 3e6)), 0)
	}
})

// Readers that have a file open see what is written elsewhere as soon as that is
// acknowledged, and yet read most of the time without asking.
func TestFiles_ReadersAreRecalled(t *testing.T) {
	for seed := range uint64(24) {
		w := New(t, 3, seed)
		w.Wire.Loss = 0.01 * float64(seed%2)
		f := w.fileServer()
		words = [3]counted{}
		var pids []int32
		for i, program := range []int{rareWriter, wordReader, wordReader} {
			p := w.Nodes[i+1].Start(program)
			for fd := range int32(3) {
				p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
			}
			p.Leader().Frame.R12 = uint64(i)
			pids = append(pids, p.PID)
		}
		moves := 0
		for i := 0; words[0].acked < writes; i++ {
			if i > 1000 {
				t.Fatalf("never done: %+v\n%s", words, w.Describe())
			}
			if on := w.On(pids[i%3]); on != 0 && i%4 == 3 {
				w.Host.Migrate(pids[i%3], on, on%3+1, func(r api.MigrateReply) {
					if r.Error == "" {
						moves++
					}
				})
			}
			w.Run(10e6)
		}
		w.Run(20e9)
		reads := int(words[1].acked + words[2].acked)
		t.Logf("%d reads, %d requests, %d recalls, %d moves", reads, f.asked, f.recalls, moves)
		if moves < 3 || f.recalls < writes/3 || reads < 3*f.asked {
			t.Errorf("seed %d: %d recalls for %d writes, %d requests for %d reads", seed, f.recalls, writes, f.asked, reads)
		}
		w.CheckEmpty()
	}
}

// endlessWriter writes a word until it is killed.
var endlessWriter = Register(func(u *User) {
	const fd = 3
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/words\x00")), object.OCreat|object.OWronly, 0o644)
	case 1:
		words[0].issued++
		u.Call(1, abi.SysPwrite64, fd, u.Put(wordsAt, binary.LittleEndian.AppendUint64(nil, words[0].issued)), 8, 0)
	}
})

// endlessReader reads it now and then, until it is killed, and says what it has read.
var endlessReader = Register(func(u *User) {
	const fd = 3
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/words\x00")), object.OCreat|object.ORdonly, 0o644)
	case 1:
		u.Call(2, abi.SysPread64, fd, DataBase+wordsAt, 8, 0)
	case 2:
		words[0].acked = u.Load(DataBase + wordsAt)
		u.Call(1, abi.SysNanosleep, u.Put(wordsAt+64, binary.LittleEndian.AppendUint64(make([]byte, 8), 1e5)), 0)
	}
})

// A process that is killed while it writes leaves nobody on its node who takes the answer:
// others there see what the server has all the same.
func TestFiles_WriterIsKilled(t *testing.T) {
	kill := proc.Info{Signo: abi.SIGKILL}
	for seed := range uint64(10) {
		w := New(t, 1, seed)
		f := w.fileServer()
		words = [3]counted{}
		var ps []*proc.Process
		for _, program := range []int{endlessWriter, endlessReader} {
			p := w.Nodes[1].Start(program)
			for fd := range int32(3) {
				p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
			}
			ps = append(ps, p)
		}
		w.Run(200e6 + int64(seed)*7e3)
		w.Nodes[1].Tab.Signal(ps[0], kill)
		w.Run(100e6)
		if got := binary.LittleEndian.Uint64(f.s.Contents("words")); got != words[0].acked || got < 100 {
			t.Errorf("seed %d: read %d; the server has %d, %d were issued", seed, words[0].acked, got, words[0].issued)
		}
		w.Nodes[1].Tab.Signal(ps[1], kill)
		w.Run(20e9)
		w.CheckEmpty()
	}
}

// Three processes on three nodes write and read one file at a time, and move about, on a
// wire that loses and doubles frames: nobody reads what is out of date.
func TestFiles_NobodyReadsOldData(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 3, seed)
			w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
			f := w.fileServer()
			words = [3]counted{}
			var pids []int32
			for i := range words {
				p := w.Nodes[i+1].Start(wordWriter, nil, nil, nil)
				for fd := range int32(3) {
					p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
				}
				p.Leader().Frame.R12 = uint64(i)
				pids = append(pids, p.PID)
				w.watch(p.PID)
			}
			moves := 0
			for i := 0; ; i++ {
				over := true
				for k, pid := range pids {
					on := w.On(pid)
					over = over && words[k].acked >= turnsEach
					if on != 0 && i%(3+k) == 0 {
						w.Host.Migrate(pid, on, on%3+1, func(r api.MigrateReply) {
							if r.Error == "" {
								moves++
							}
						})
					}
				}
				if over {
					break
				}
				if i > 1000 {
					t.Fatalf("never done: %+v\n%s", words, w.Describe())
				}
				w.Run(20e6)
			}
			w.Run(20e9)
			if moves < 5 || f.recalls == 0 {
				t.Errorf("%d moves, %d recalls", moves, f.recalls)
			}
			t.Logf("%d moves, %d recalls, %d requests", moves, f.recalls, f.asked)
			w.CheckEmpty()
			if s := f.s.Open(); s != 0 {
				t.Errorf("%d files are open at the server, and nobody has one", s)
			}
		})
	}
}

// appended is what processes append: records of their own number, one after the other.
var appended [3]int

const records = 150

// appender writes records to the end of a file that others append to as well.
var appender = Register(func(u *User) {
	const fd = 3
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/log\x00")), object.OCreat|object.OWronly|object.OAppend, 0o644)
	case 1:
		line := fmt.Sprintf("%d %d\n", u.B(), u.A())
		u.Call(2, abi.SysWrite, fd, u.Put(wordsAt, []byte(line)), uint64(len(line)))
	case 2:
		if u.Ret <= 0 {
			panic(fmt.Sprintf("write: %d", u.Ret))
		}
		appended[u.B()]++
		if u.SetA(u.A() + 1); u.A() == records {
			u.Call(3, abi.SysExitGroup, 0)
			return
		}
		u.Goto(1)
	}
})

// Processes that move while they append to one file, on a bad wire, put each record
// there once.
func TestFiles_AppendedOnce(t *testing.T) {
	for seed := range uint64(16) {
		w := New(t, 3, seed)
		w.Wire.Loss, w.Wire.Dup = 0.02, 0.02
		f := w.fileServer()
		appended = [3]int{}
		var pids []int32
		for i := range appended {
			p := w.Nodes[i+1].Start(appender)
			for fd := range int32(3) {
				p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
			}
			p.Leader().Frame.R12 = uint64(i)
			pids = append(pids, p.PID)
		}
		moves := 0
		for i := 0; appended != [3]int{records, records, records}; i++ {
			if i > 1000 {
				t.Fatalf("never done: %v\n%s", appended, w.Describe())
			}
			if on := w.On(pids[i%3]); on != 0 {
				w.Host.Migrate(pids[i%3], on, on%3+1, func(r api.MigrateReply) {
					if r.Error == "" {
						moves++
					}
				})
			}
			w.Run(5e6)
		}
		w.Run(20e9)
		text := string(f.s.Contents("log"))
		next := [3]int{}
		for line := range bytes.Lines([]byte(text)) {
			var who, n int
			if _, err := fmt.Sscanf(string(line), "%d %d\n", &who, &n); err != nil || n != next[who] {
				t.Fatalf("seed %d: line %q, where %v are next", seed, line, next)
			}
			next[who]++
		}
		if moves < 3 {
			t.Errorf("seed %d: %d moves", seed, moves)
		}
		if next != appended {
			t.Errorf("seed %d: %v records of %v", seed, next, appended)
		}
		w.CheckEmpty()
	}
}

// copier copies a file byte by byte, by the offsets of its descriptions. A counts.
var copier = Register(func(u *User) {
	const from, to = 3, 4
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/from\x00")), object.ORdonly, 0)
	case 1:
		u.Call(2, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/to\x00")), object.OCreat|object.OWronly, 0o644)
	case 2:
		u.Call(3, abi.SysRead, from, DataBase+wordsAt, 1)
	case 3:
		if u.Ret != 1 {
			u.Call(5, abi.SysExitGroup, 0)
			return
		}
		u.Call(4, abi.SysWrite, to, DataBase+wordsAt, 1)
	case 4:
		u.SetA(u.A() + 1)
		u.Goto(2)
	}
})

// What a process reads and writes by the offsets of its descriptions goes on where it was.
func TestFiles_OffsetsMove(t *testing.T) {
	w := New(t, 3, 1)
	f := w.fileServer()
	text := bytes.Repeat([]byte("0123456789abcdef\n"), 100)
	f.s.Put("from", text)
	p := w.Nodes[1].Start(copier)
	for fd := range int32(3) {
		p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
	}
	pid, moves := p.PID, 0
	for w.On(pid) != 0 {
		w.Run(20e6)
		if on := w.On(pid); on != 0 {
			w.Move(pid, on%3+1)
			moves++
		}
	}
	w.Run(20e9)
	if got := f.s.Contents("to"); !bytes.Equal(got, text) || moves < 5 {
		t.Errorf("%d bytes of %d were copied, with %d moves", len(got), len(text), moves)
	}
	w.CheckEmpty()
}
