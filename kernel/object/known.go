package object

import (
	"encoding/binary"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/vm"
)

// Files is what a node knows of the files of servers.
type Files struct {
	Node uint32
	Boot uint64
	// Tell sends a message of the node's own to a server.
	Tell func(c capability.Capability, command uint32, data []byte)
	// Call makes a request of the node's own.
	Call func(h *std.Header, data []byte, done func(a *Answer))

	known   map[knownKey]*Known
	seq     uint64 // of opens, and of whatever else has to have a number of its own
	servers map[capability.Port]*server
	clock   uint64 // counts uses of files
	pages   int    // of all files
	large   largeReads
	// leftovers are memories of files that are mapped no more, and go to their servers one
	// after the other: what is on its way is in the kernel's heap.
	leftovers []func()
	busy      *Known // whose pages are being changed: they are not reclaimed meanwhile
}

// server is what is known of a file server.
type server struct {
	files  *Files
	heard  int64  // when something was last heard from it
	era    uint64 // a number, a new one after each silence longer than the lease: no grant survives that
	recall uint64 // stamp of the last recall
	// released has for each file, by the end of its number, up to which open it was released.
	released [64]uint64
	keeps    bool // it keeps offsets that processes of several nodes share
}

type knownKey struct {
	port   capability.Port
	object uint64
}

// Known is what a node knows of one file of a server.
type Known struct {
	Attr  filesys.Attr
	Grant uint64 // the node may believe what it knows; 0: it may not

	files  *Files
	server *server
	// term is a number for as long as the node has the file open and the server's era lasts:
	// grants of one term are none in the next. 0: it is not open.
	term  uint64
	key   knownKey
	cap   capability.Capability // of an open that was answered
	seq   uint64                // the highest number of those
	uses  int                   // descriptions
	last  uint64                // Files.clock, when it was last used
	store *vm.Store             // pages of Attr.Version; nil: none
	still *vm.Store             // all of them, for programs and mappings; nil: nobody has asked
}

// Opener is who opens a file, under a new number.
func (fs *Files) Opener() filesys.Opener {
	return filesys.Opener{Node: fs.Node, Boot: fs.Boot, Seq: fs.number()}
}

// speaker is who asks now: after all that the node has said under a number.
func (fs *Files) speaker() filesys.Opener {
	return filesys.Opener{Node: fs.Node, Boot: fs.Boot, Seq: fs.seq}
}

func (fs *Files) number() uint64 {
	fs.seq++
	return fs.seq
}

// Opened is a file that a server has opened for a process, under a number of by. If that
// is not this node, the process has come from there meanwhile; or a later open has been
// answered and released since, and this one with it. The server is told then, and until it
// has answered nothing is believed.
func (fs *Files) Opened(c capability.Capability, root uint64, found *filesys.Found, by filesys.Opener) *Served {
	k := fs.knownOf(c)
	k.describe(&found.Attr)
	k.uses++
	k.cap = c
	if k.begin(); by.Boot == fs.Boot && by.Seq > *k.released() {
		k.seq = max(k.seq, by.Seq)
		if by.Seq > k.server.era {
			k.granted(found.Grant)
		}
	} else {
		o := fs.Opener()
		k.seq = o.Seq
		h := k.held(c.Rights&filesys.RightWrite != 0)
		if by.Boot != fs.Boot {
			h.From, h.Upto = by.Node, by.Seq
		}
		fs.Tell(c, filesys.Hold, h.Append(o.Append(nil)))
	}
	return &Served{Cap: c, Root: root, Known: k}
}

// Adopt is a file that comes with a process, opened by it elsewhere. Hold names it to the
// server.
func (fs *Files) Adopt(c capability.Capability, root uint64, mode uint32) *Served {
	k := fs.knownOf(c)
	if k.uses++; k.uses == 1 {
		k.Attr = filesys.Attr{Object: c.Object, Mode: mode}
		k.cap = c
	}
	return &Served{Cap: c, Root: root, Known: k}
}

// Hold is what the node says at now of files that it has open by then, and what Held wants
// to be told with the answer. lockers are the processes that have come and may have locked
// some of them. said is the number under which it is said.
func (fs *Files) Hold(now int64, list []*Served, lockers []int32) (data []byte, tickets []uint64, said uint64) {
	for _, s := range list {
		tickets = append(tickets, s.Known.ticket(now))
	}
	o := fs.Opener()
	data = o.Append(nil)
	for _, s := range list {
		s.Known.seq = o.Seq
		h := s.Known.held(s.Cap.Rights&filesys.RightWrite != 0)
		h.Check, h.Rights = s.Cap.Check, uint32(s.Cap.Rights)
		h.Lock, h.PIDs = s.LockID, lockers
		data = h.Append(data)
	}
	return data, tickets, o.Seq
}

// maxKnown is how many files are remembered that nobody has open.
const maxKnown = 4096

// knownOf is what is known of the file of a capability.
func (fs *Files) knownOf(c capability.Capability) *Known {
	key := knownKey{c.Port, c.Object}
	k := fs.known[key]
	if k == nil {
		if fs.known == nil {
			fs.known = make(map[knownKey]*Known)
		}
		if len(fs.known) >= maxKnown {
			fs.forgetOldest()
		}
		k = &Known{files: fs, key: key, server: fs.serverOf(c.Port)}
		fs.known[key] = k
	}
	fs.clock++
	k.last = fs.clock
	return k
}

func (fs *Files) serverOf(port capability.Port) *server {
	sv := fs.servers[port]
	if sv == nil {
		if fs.servers == nil {
			fs.servers = make(map[capability.Port]*server)
		}
		sv = &server{files: fs}
		fs.servers[port] = sv
	}
	return sv
}

// Asked notes that a server is asked, and Heard that it has answered. Who has long heard
// nothing begins an era with the question: so what the answer grants holds, if it comes soon.
func (fs *Files) Asked(port capability.Port, now int64) { fs.serverOf(port).asked(now) }
func (fs *Files) Heard(port capability.Port, at int64)  { fs.serverOf(port).answered(at) }

func (sv *server) asked(now int64) {
	if sv.era == 0 || now-sv.heard > filesys.Lease {
		sv.era, sv.heard = sv.files.number(), now
	}
}

// answered: at is Answer.At. What has come to another node says nothing about this one.
func (sv *server) answered(at int64) {
	if at > 0 {
		sv.asked(at)
		sv.heard = max(sv.heard, at)
	}
}

// Believed reports whether what is known of the contents holds. Of a file that has come
// with a process nothing is known, not even its size, before something was read.
func (k *Known) Believed(now int64) bool {
	return k.Grant != 0 && k.Attr.Version != 0 && k.term > k.server.era && now-k.server.heard <= filesys.Lease
}

// begin begins a term, unless one lasts.
func (k *Known) begin() {
	if k.term <= k.server.era {
		k.Grant, k.term = 0, k.files.number()
	}
}

// ticket is what a request about the file takes along whose answer may bring a grant: a
// word for this term of this file, on this node since it was started. The grant is for
// the node that has asked; the answer may find the process on another one, or back here
// after the file was closed, or with another file under the descriptor.
func (k *Known) ticket(now int64) uint64 {
	k.server.asked(now)
	k.begin()
	return k.files.Boot + k.term // Boot is random
}

// current reports whether the answer to what was asked with a ticket is about the file as
// it is open here.
func (k *Known) current(ticket uint64) bool {
	return ticket == k.files.Boot+k.term
}

// granted notes a grant that an answer has brought, 0 for none. One from before a recall
// does not count: the answer was slower than that.
func (k *Known) granted(stamp uint64) {
	if stamp <= k.server.recall {
		stamp = 0
	}
	if stamp == 0 || stamp > k.Grant {
		k.Grant = stamp
	}
}

// Recall takes grants back that are older than a stamp. It reports whether the file is
// open here.
func (fs *Files) Recall(port capability.Port, object, stamp uint64) (open bool) {
	sv := fs.serverOf(port)
	sv.recall = max(sv.recall, stamp)
	k := fs.known[knownKey{port, object}]
	if k == nil {
		return false
	}
	k.Grant = 0
	return k.uses > 0
}

// Keeps notes what the answer to Open or Hold says of the server.
func (k *Known) Keeps(a *std.Header) {
	k.server.keeps = k.server.keeps || a.Size&filesys.KeepsOffsets != 0
}

// KeepsOffsets reports whether the server can keep the offset of a description.
func (k *Known) KeepsOffsets() bool { return k.server.keeps }

func (k *Known) node() uint32 { return k.files.Node }

// closed: the last descriptor of a description is gone. With the last description the
// server is told. What is known stays, until memory is short: who opens the file again
// hears whether it is still so.
func (k *Known) closed(*File) {
	if k.uses--; k.uses > 0 {
		return
	}
	k.Grant, k.term = 0, 0
	if k.store == nil {
		delete(k.files.known, k.key)
	}
	*k.released() = max(*k.released(), k.seq)
	o := filesys.Opener{Node: k.files.Node, Boot: k.files.Boot}
	h := k.held(false)
	k.files.Tell(k.cap, filesys.Release, h.Append(o.Append(nil)))
}

func (k *Known) released() *uint64 {
	return &k.server.released[k.key.object%uint64(len(k.server.released))]
}

// held is how a file is named that the node has open.
func (k *Known) held(write bool) filesys.Held {
	return filesys.Held{Object: k.key.object, Check: k.cap.Check, Rights: uint32(k.cap.Rights), Write: write, Upto: k.seq}
}

// Held is the answer to Hold: a grant for each.
func (fs *Files) Held(list []*Served, tickets []uint64, a *std.Header, grants []byte) {
	for i, s := range list {
		s.Known.Keeps(a)
		if len(grants) < 8 {
			return
		}
		if s.Known.current(tickets[i]) {
			s.Known.granted(binary.BigEndian.Uint64(grants))
		}
		grants = grants[8:]
	}
}
