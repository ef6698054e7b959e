package object

import (
	"encoding/binary"

	"motile/ipc/capability"
	"motile/ipc/filesys"
)

// Files is what a node knows of the files of servers.
type Files struct {
	Node uint32
	Boot uint64
	// Tell sends a message of the node's own to a server.
	Tell func(c capability.Capability, command uint32, data []byte)

	known  map[knownKey]*Known
	seq    uint64                     // of opens
	recall map[capability.Port]uint64 // stamp of the last recall, by server
}

type knownKey struct {
	port   capability.Port
	object uint64
}

// Known is what a node knows of one file of a server.
type Known struct {
	Attr  filesys.Attr
	Grant uint64 // the node may believe what it knows; 0: it may not

	files *Files
	key   knownKey
	cap   capability.Capability // of an open that was answered
	seq   uint64                // the highest number of those
	uses  int                   // descriptions
}

// maxServers bounds how many servers recalls are remembered of.
const maxServers = 256

// Opener is who opens a file, under a new number.
func (fs *Files) Opener() filesys.Opener {
	fs.seq++
	return filesys.Opener{Node: fs.Node, Boot: fs.Boot, Seq: fs.seq}
}

// Opened is a file that a server has opened for a process, under a number of by. If that
// is not this node, the process has come from there meanwhile: the server is told, and
// until it has answered nothing is believed.
func (fs *Files) Opened(c capability.Capability, root uint64, found *filesys.Found, by filesys.Opener) *Served {
	k := fs.knownOf(c)
	k.Attr = found.Attr
	k.uses++
	k.cap = c
	if by.Boot == fs.Boot {
		k.seq = max(k.seq, by.Seq)
		k.Granted(found.Grant)
	} else {
		o := fs.Opener()
		k.seq = o.Seq
		h := k.held(c.Rights&filesys.RightWrite != 0)
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

// Hold is what the node says of files that it has open by now.
func (fs *Files) Hold(list []*Served) (data []byte) {
	o := fs.Opener()
	data = o.Append(nil)
	for _, s := range list {
		s.Known.seq = o.Seq
		h := s.Known.held(s.Cap.Rights&filesys.RightWrite != 0)
		h.Check, h.Rights = s.Cap.Check, uint32(s.Cap.Rights)
		data = h.Append(data)
	}
	return data
}

// knownOf is what is known of the file of a capability.
func (fs *Files) knownOf(c capability.Capability) *Known {
	key := knownKey{c.Port, c.Object}
	k := fs.known[key]
	if k == nil {
		if fs.known == nil {
			fs.known = make(map[knownKey]*Known)
		}
		k = &Known{files: fs, key: key}
		fs.known[key] = k
	}
	return k
}

// Granted notes a grant that an answer has brought, 0 for none. One from before a recall
// does not count: the answer was slower than that.
func (k *Known) Granted(stamp uint64) {
	if stamp <= k.files.recall[k.key.port] {
		stamp = 0
	}
	if stamp > k.Grant || stamp == 0 {
		k.Grant = stamp
	}
}

// Recall takes grants back that are older than a stamp. It reports whether the file is
// open here.
func (fs *Files) Recall(port capability.Port, object, stamp uint64) (open bool) {
	if fs.recall == nil {
		fs.recall = make(map[capability.Port]uint64)
	}
	if _, there := fs.recall[port]; there || len(fs.recall) < maxServers {
		fs.recall[port] = max(fs.recall[port], stamp)
	}
	k := fs.known[knownKey{port, object}]
	if k == nil {
		return false
	}
	k.Grant = 0
	return k.uses > 0
}

func (k *Known) node() uint32 { return k.files.Node }

// written notes what a write's answer says of the file.
func (k *Known) written(a *Answer) {
	w, ok := filesys.DecodeWritten(a.Data)
	if !ok {
		return
	}
	k.Attr.Size, k.Attr.Mtime, k.Attr.Version = w.Size, w.Mtime, w.Version
	k.Granted(a.Header.Object)
}

// closed: the last descriptor of a description is gone. With the last description the
// server is told.
func (k *Known) closed(*File) {
	if k.uses--; k.uses > 0 {
		return
	}
	delete(k.files.known, k.key)
	o := filesys.Opener{Node: k.files.Node, Boot: k.files.Boot}
	h := k.held(false)
	k.files.Tell(k.cap, filesys.Release, h.Append(o.Append(nil)))
}

// held is how a file is named that the node has open.
func (k *Known) held(write bool) filesys.Held {
	return filesys.Held{Object: k.key.object, Check: k.cap.Check, Rights: uint32(k.cap.Rights), Write: write, Upto: k.seq}
}

// Held is the answer to Hold: a grant for each.
func (fs *Files) Held(list []*Served, grants []byte) {
	for _, s := range list {
		if len(grants) < 8 {
			return
		}
		s.Known.Granted(binary.BigEndian.Uint64(grants))
		grants = grants[8:]
	}
}
