package node

import (
	"strconv"
	"strings"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
	"motile/proc/api"
)

// Exec: starting a process on behalf of somebody elsewhere.

func (n *Node) serveExec(r *rpc.Incoming) {
	var q api.ExecRequest
	if !n.parse(r, &q) {
		return
	}
	if len(q.Image) > 0 || len(q.ImageCap) > 0 {
		n.startRestart(&q, r)
		return
	}
	if len(q.Args) == 0 || len(q.Files) > 16 {
		n.reply(r, std.ArgBad, nil)
		return
	}
	p, errno := n.spawn(&q)
	if errno != 0 {
		n.replyWith(r, api.ExecReply{Errno: errno})
		return
	}
	n.replyWith(r, api.ExecReply{PID: p.PID})
}

// Start starts a program that belongs to the node itself. Its output is a log, as that of a
// process started by "motile run -d".
func (n *Node) Start(path string, args, env []string) (errno int) {
	_, errno = n.spawn(&api.ExecRequest{Path: path, Args: args, Env: env, Detached: true,
		Files: []api.FileRef{{Path: "/dev/null"}, {Log: true}, {Log: true}}})
	return errno
}

func (n *Node) spawn(q *api.ExecRequest) (p *proc.Process, errno int) {
	files, errno := n.openAll(q.Files)
	defer func() {
		for _, f := range files {
			f.Release()
		}
	}()
	if errno != 0 {
		return nil, errno
	}
	if p, errno = n.K.Spawn(q.Path, q.Args, q.Env, files); errno != 0 {
		return nil, errno
	}
	if q.Cwd != "" {
		p.Cwd = q.Cwd
	}
	n.Shake(p, q.Shake)
	p.Comment = q.Comment[:min(len(q.Comment), maxComment)]
	if q.Detached {
		of(p).detach(files)
	}
	if q.Terminal && len(files) > 0 {
		n.K.AdoptTerminal(p, files[0])
	}
	return p, 0
}

// detach has the process's end remembered, with the log among its files, if there is one.
func (x *process) detach(files []*object.File) {
	x.kept = true
	for _, f := range files {
		if _, ok := f.Impl.(*object.Log); ok && x.p.Log == nil {
			f.Retain()
			x.p.Log = f
		}
	}
}

// openAll makes the descriptors a request asks for.
func (n *Node) openAll(refs []api.FileRef) (files []*object.File, errno int) {
	var log *object.File
	for _, ref := range refs {
		switch {
		case len(ref.Address) == len(flip.Address{}):
			files = append(files, object.NewFile(n.remote(ref), ref.Flags, ref.Path))
		case ref.Log && log != nil:
			log.Retain()
			files = append(files, log)
		case ref.Log:
			log = object.NewFile(object.NewLog(), object.OWronly, "log:")
			files = append(files, log)
		default:
			pl, e := n.K.FS.Lookup(n.K.FS.Root, ref.Path, true)
			if e == 0 && pl.Node == nil {
				e = abi.ENOENT
			}
			if e != 0 {
				return files, e
			}
			impl, e := n.K.FS.Open(pl.Node, ref.Flags)
			if e != 0 {
				return files, e
			}
			files = append(files, object.NewFile(impl, ref.Flags, ref.Path))
		}
	}
	return files, 0
}

// remote makes the local end of an object of the host.
func (n *Node) remote(ref api.FileRef) *object.Remote {
	r := &object.Remote{Addr: flip.Address(ref.Address), Mode: object.ModeFIFO | 0o600, Terminal: ref.Terminal}
	if ref.Terminal {
		number, _ := strconv.Atoi(strings.TrimPrefix(ref.Path, "/dev/pts/"))
		r.Mode, r.Rdev = object.ModeChar|0o620, object.PTSDevice(int32(number))
	}
	n.adoptRemote(r)
	return r
}

// maxFile bounds a file that is sent to a node.
const maxFile = 256 << 20

// partial is a file that is arriving.
type partial struct {
	digest vm.Digest
	path   string
	size   int64
	store  *vm.Store
	got    int64
}

// servePutFile takes a piece of a file; pieces come in order.
func (n *Node) servePutFile(r *rpc.Incoming) {
	var q api.PutFileRequest
	if !n.parse(r, &q) {
		return
	}
	if !validFile(q.Digest, q.Path, q.Size) {
		n.reply(r, std.ArgBad, nil)
		return
	}
	s, got := n.putFile(vm.Digest(q.Digest), q.Path, q.Size, int64(r.Header.Offset), q.Data)
	if s != std.OK {
		n.reply(r, s, nil)
		return
	}
	n.replyWith(r, api.PutFileReply{Have: got == q.Size, Got: got})
}

func validFile(digest []byte, path string, size int64) bool {
	return len(digest) == len(vm.Digest{}) && size >= 0 && size <= maxFile &&
		path != "" && path[0] == '/' && len(path) <= 1024
}

// putFile adds a piece, if it is the next one, and returns how much of the file is
// here.
func (n *Node) putFile(d vm.Digest, path string, size, off int64, data []byte) (s std.Status, got int64) {
	if node := n.K.FS.ByDigest(d); node != nil {
		if pl, errno := n.K.FS.Lookup(n.K.FS.Root, path, true); errno == 0 && pl.Node == node {
			return std.OK, size
		}
		node.Store().Retain()
		if errno := n.K.FS.Install(path, 0o755, node.Store()); errno != 0 {
			node.Store().Release()
			return std.SysErr, 0
		}
		return std.OK, size
	}
	p := n.partials[d]
	if p == nil {
		if len(n.partials) >= maxPartials {
			n.dropPartials() // abandoned ones; a sender that is still there starts again
		}
		p = &partial{digest: d, path: path, size: size, store: vm.NewStore()}
		n.partials[d] = p
	}
	if size != p.size || off < 0 || off > size-int64(len(data)) {
		return std.ArgBad, 0
	}
	if off == p.got {
		if p.store.WriteAt(data, off) < len(data) {
			delete(n.partials, d)
			p.store.Release()
			return std.NoMem, 0
		}
		p.got += int64(len(data))
	}
	if p.got < size {
		return std.OK, p.got
	}
	delete(n.partials, d)
	p.store.Seal(d)
	if errno := n.K.FS.Install(p.path, 0o755, p.store); errno != 0 {
		p.store.Release()
		return std.SysErr, 0
	}
	return std.OK, size
}

func (n *Node) dropPartials() {
	for _, p := range n.partials {
		p.store.Release()
	}
	clear(n.partials)
}

const maxPartials = 16

// OpenRemote makes the local end of an object of the host.
func (n *Node) OpenRemote(ref api.FileRef) *object.Remote { return n.remote(ref) }
