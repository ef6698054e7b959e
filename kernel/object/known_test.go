package object

import (
	"encoding/binary"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
)

// call is one read or write of a file of a server, on whatever node its process is.
type call struct {
	aux    [4]uint64
	asked  std.Header
	answer *Answer
}

func (c *call) Ask(_ flip.Address, h *std.Header, _ []byte) { c.asked, c.answer = *h, nil }

func (c *call) Answer() (a Answer, ok bool) {
	if c.answer == nil {
		return a, false
	}
	a, c.answer = *c.answer, nil
	return a, true
}

func (c *call) op(now int64, mem []byte) *Op {
	op := &Op{Now: now, Link: c, Asked: &c.aux, Positioned: true}
	op.Buf.Kernel(mem)
	return op
}

// read is a step of a read of 4 bytes from the beginning. It reports what was read, if the
// step has ended the call.
func (c *call) read(t *testing.T, now int64, f *File) (text string, over bool) {
	t.Helper()
	mem := make([]byte, 4)
	op := c.op(now, mem)
	switch errno := f.Impl.Read(op, f, 0); errno {
	case 0:
		return string(mem[:op.Buf.Done]), true
	case abi.EBLOCKED:
		return "", false
	default:
		t.Fatalf("read: error %d", errno)
		return "", false
	}
}

// answered is the answer to a Read that finds a text, with a grant.
func (c *call) answered(at int64, grant, version uint64, text string) {
	w := filesys.Written{Version: version, Size: int64(len(text))}
	c.answer = &Answer{At: at, Header: std.Header{Object: grant, Size: uint32(len(text))}, Data: append(w.Append(nil), text...)}
}

var knownPort = capability.Port{7}

func knownFiles(node uint32) *Files {
	vm.Init()
	return &Files{Node: node, Boot: 0x1234567800000000 * uint64(node), Tell: func(capability.Capability, uint32, []byte) {}}
}

// opened is a file that a node has opened under its next number.
func opened(fs *Files, now int64, object uint64, grant uint64) *File {
	fs.Asked(knownPort, now)
	o := fs.Opener()
	fs.Heard(knownPort, now)
	return openedAs(fs, object, grant, o)
}

func openedAs(fs *Files, object, grant uint64, o filesys.Opener) *File {
	found := filesys.Found{Attr: filesys.Attr{Object: object, Mode: ModeReg, Version: 1}, Grant: grant}
	return NewFile(fs.Opened(capability.Capability{Port: knownPort, Object: object, Rights: filesys.RightRead}, 0, &found, o), ORdonly, "f")
}

// adopted is one that has come with a process, and held is the server's answer to that.
func adopted(fs *Files, now int64, object, grant uint64) *File {
	s := fs.Adopt(capability.Capability{Port: knownPort, Object: object, Rights: filesys.RightRead}, 0, ModeReg)
	_, tickets, _ := fs.Hold(now, []*Served{s}, nil)
	fs.Heard(knownPort, now)
	fs.Held([]*Served{s}, tickets, &std.Header{}, binary.BigEndian.AppendUint64(nil, grant))
	return NewFile(s, ORdonly, "f")
}

func believed(f *File, now int64) bool { return f.Impl.(*Served).Known.Believed(now) }

// A grant is for the node that has asked for it, and for the file, and for as long as it
// has that open. The answer may find the process elsewhere.
func TestKnown_GrantIsForWhoAsked(t *testing.T) {
	const now = 1e9
	for _, tt := range []struct {
		name string
		// then happens between the question and the answer, and gives the file that the
		// answer finds under the descriptor.
		then     func(fs *Files, f *File) *File
		believed bool
	}{
		{"nothing", func(_ *Files, f *File) *File { return f }, true},
		{"it has moved", func(*Files, *File) *File { return adopted(knownFiles(2), now, 5, 0) }, false},
		{"it has moved and come back", func(fs *Files, f *File) *File {
			f.Release()
			return adopted(fs, now, 5, 0)
		}, false},
		{"the file was closed and opened again", func(fs *Files, f *File) *File {
			f.Release()
			return opened(fs, now, 5, 0)
		}, false},
		{"the file was recalled", func(fs *Files, f *File) *File {
			if !fs.Recall(knownPort, 5, 11) {
				t.Error("the file is not open")
			}
			return f
		}, false},
		{"the server was silent for long", func(fs *Files, f *File) *File {
			fs.Heard(knownPort, now+filesys.Lease+1)
			return f
		}, false},
	} {
		fs, c := knownFiles(1), &call{}
		f := opened(fs, now, 5, 0)
		if _, over := c.read(t, now, f); over {
			t.Fatalf("%s: read from nowhere", tt.name)
		}
		f = tt.then(fs, f)
		at := fs.serverOf(knownPort).heard
		c.answered(at, 10, 2, "text")
		if text, over := c.read(t, at, f); !over || text != "text" {
			t.Errorf("%s: read %q, %v", tt.name, text, over)
		}
		if got := believed(f, at); got != tt.believed {
			t.Errorf("%s: the grant holds: %v", tt.name, got)
		}
	}
}

// What comes for another file, which the descriptor was when it was asked, is not kept as
// this one's: others on the node would read it.
func TestKnown_KeepsOnlyItsOwn(t *testing.T) {
	const now = 1e9
	fs, c := knownFiles(1), &call{}
	other, f := opened(fs, now, 5, 3), opened(fs, now, 6, 4)
	c.read(t, now, other)
	c.answered(now, 0, 9, "evil")
	c.read(t, now, f) // dup2 has been there
	d := &call{}
	if text, over := d.read(t, now, f); over && text != "" || f.Impl.(*Served).Known.Attr.Version != 1 {
		t.Errorf("the other file's text is here: %q", text)
	}
}

// An open that is answered after a later one was answered, and released, is released with
// that as far as the server is concerned: it hears again of it, and its grant is none.
func TestKnown_ReleasedBeforeAnswered(t *testing.T) {
	const now = 1e9
	fs := knownFiles(1)
	var told []uint32
	fs.Tell = func(_ capability.Capability, command uint32, _ []byte) { told = append(told, command) }
	fs.Asked(knownPort, now)
	early := fs.Opener()
	opened(fs, now, 5, 12).Release()
	f := openedAs(fs, 5, 11, early)
	if believed(f, now) {
		t.Error("believed, though the server does not know that it is open")
	}
	if len(told) != 2 || told[0] != filesys.Release || told[1] != filesys.Hold {
		t.Errorf("the server is told %v", told)
	}
	told = nil
	early = fs.Opener()
	opened(fs, now, 6, 14).Release() // another file
	if f = openedAs(fs, 5, 13, early); !believed(f, now) || len(told) != 1 {
		t.Errorf("believed: %v; the server is told %v", believed(f, now), told)
	}
}

// While a write is under way the node has no grant: nobody may be there to take the answer,
// and the server recalls nothing from who writes.
func TestKnown_WriteGivesTheGrantBack(t *testing.T) {
	const now, grant = 1e9, 1<<40 | 10
	fs := knownFiles(1)
	w, r := opened(fs, now, 5, 0), opened(fs, now, 5, grant)
	if !believed(r, now) {
		t.Fatal("no grant")
	}
	c := &call{}
	if errno := w.Impl.Write(c.op(now, []byte(strings.Repeat("x", 8))), w, 0); errno != abi.EBLOCKED {
		t.Fatalf("write: error %d", errno)
	}
	if c.asked.Size != grant&0xffffffff || believed(r, now) {
		t.Errorf("given back: %d; believed: %v", c.asked.Size, believed(r, now))
	}
}
