package node

import (
	"fmt"
	"slices"

	"motile/ipc/fileio"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/proc/api"
)

// EXEC of a process descriptor: an image whose memory is in segments, of this node or
// any. First everything in it is looked at, as a move's target looks at an offer; then
// the segments are read, a few requests under way; then the process is put together and
// starts. It is a copy of what the image was taken of (copy.go). Whatever goes wrong,
// the answer says what and what helps, and nothing is left.

// restart is one of them under way.
type restart struct {
	assembly
	asked rpc.Handle
	q     *api.ExecRequest

	lineage  image.Lineage
	segments image.Segments
	stdio    []*object.File
	pull     pull
	over     bool

	report api.RestartReport
	began  int64
	pulled int64
}

// maxRestarts is how many are under way at a time.
const maxRestarts = 8

func (n *Node) startRestart(q *api.ExecRequest, r *rpc.Incoming) {
	if len(q.Stdio) > 16 || q.Lease < 0 || q.Lease > maxLease {
		n.reply(r, std.ArgBad, nil)
		return
	}
	if len(n.restarts) >= maxRestarts {
		n.replyWith(r, api.ExecReply{Refused: fmt.Sprintf("node %d is making %d processes of images already; try again", n.Number, maxRestarts)})
		return
	}
	x := &restart{assembly: newAssembly(n), asked: r.Handle, q: q, began: n.m.Now()}
	x.copy = true
	x.pull.x = x
	n.restarts = append(n.restarts, x)
	switch {
	case x.space == nil:
		x.refuse("node %d is out of memory", n.Number)
	case len(q.Image) > 0:
		x.look(q.Image)
	default:
		x.fetchImage()
	}
}

// refuse ends it.
func (x *restart) refuse(format string, args ...any) {
	if !x.over {
		x.end(api.ExecReply{Refused: fmt.Sprintf(format, args...)})
	}
}

// end answers, and gives back what is not the process's.
func (x *restart) end(reply api.ExecReply) {
	n := x.n
	x.over = true
	n.restarts = slices.DeleteFunc(n.restarts, func(y *restart) bool { return y == x })
	x.pull.stop()
	if reply.PID == 0 {
		x.release()
	}
	for _, f := range x.stdio {
		f.Release()
	}
	x.stdio = nil
	b, err := image.Marshal(reply)
	if err != nil {
		b = nil
	}
	n.ipc.m.Reply(n.Tab.Now, x.asked, &std.Header{Size: uint32(len(b))}, b)
	n.perform()
}

// look checks the image, and begins to read its memory.
func (x *restart) look(b []byte) {
	if why := x.parts(b); why != "" {
		x.refuse("%s", why)
		return
	}
	if why := x.unfit(); why != "" {
		x.refuse("node %d %s", x.n.Number, why)
		return
	}
	if missing := x.missing(); len(missing) > 0 {
		x.end(api.ExecReply{Missing: missing})
		return
	}
	files, errno := x.n.openAll(x.q.Stdio)
	if x.stdio = files; errno != 0 {
		x.refuse("descriptor %d: %s cannot be opened on node %d: error %d", len(files), x.q.Stdio[len(files)].Path, x.n.Number, errno)
		return
	}
	x.replace()
	x.pull.begin()
}

// parts takes the image apart and checks it.
func (x *restart) parts(b []byte) string {
	recs, err := image.Read(b)
	if err != nil {
		return err.Error()
	}
	for _, part := range []struct {
		rec image.Type
		v   any
	}{{image.TypeLineage, &x.lineage}, {image.TypeSegments, &x.segments}} {
		payload, err := image.Find(recs, part.rec)
		if err == nil {
			err = image.Unmarshal(payload, part.v)
		}
		if err != nil {
			return fmt.Sprintf("record %v: %v", part.rec, err)
		}
	}
	if err := x.lineage.Check(); err != nil {
		return err.Error()
	}
	if why := x.decode(b, x.lineage.Bound()); why != "" {
		return why
	}
	if x.im.PID == 0 {
		return "image: there is no process in it"
	}
	if err := x.segments.Check(x.im); err != nil {
		return err.Error()
	}
	for i := range x.segments {
		s := &x.segments[i]
		if s.Store >= 0 && len(x.im.Stores[s.Store].Digest) > 0 {
			return fmt.Sprintf("segment %d: has pages of a file", i)
		}
		if len(s.Cap) == 0 && s.Pages() > 0 {
			return fmt.Sprintf("segment %d: has no capability; make a segment here and write its pages to it (SEG_CREATE, SEG_WRITE)", i)
		}
	}
	return ""
}

// unfit says why the process cannot be here, in words that help, or "".
func (x *restart) unfit() string {
	n := x.n
	pages := uint64(0)
	for i := range x.segments {
		pages += x.segments[i].Pages()
	}
	free, need := n.K.FreePages(), pages+pages/256+64
	switch {
	case need > free:
		return fmt.Sprintf("has %d KB free, the process needs %d; end something there, or choose another node", free*4, need*4)
	case n.K.Pressure != nil && n.K.Pressure():
		return "has nearly used up its kernel's memory; end something there, or choose another node"
	}
	for _, leaf := range x.lineage.CPU {
		i := slices.IndexFunc(n.cpu[:], func(c CPUID) bool { return c.Leaf == leaf.Leaf })
		var have CPUID
		if i >= 0 {
			have = n.cpu[i]
		}
		for k := 1; k < len(leaf.Regs); k++ {
			if miss := leaf.Regs[k] &^ have.Regs[k]; miss != 0 {
				return fmt.Sprintf("has a CPU that lacks features the process may use (CPUID leaf %#x, register %d, bits %#x); start all nodes with the same -cpu", leaf.Leaf, k, miss)
			}
		}
	}
	dirs := []string{x.im.Cwd}
	for i := range x.im.Files {
		if f := &x.im.Files[i]; f.Kind == image.KindDir {
			dirs = append(dirs, f.Path)
		}
	}
	for _, dir := range dirs {
		if !ownDir(dir, x.im.PID) && n.lacksDir(dir) {
			return fmt.Sprintf(noDir, dir)
		}
	}
	return ""
}

// missing lists digests of files that are not here.
func (x *restart) missing() (list [][]byte) {
	look := func(digest []byte) {
		known := slices.ContainsFunc(list, func(d []byte) bool { return string(d) == string(digest) })
		if len(digest) == 32 && !known && x.n.K.FS.ByDigest(vm.Digest(digest)) == nil {
			list = append(list, digest)
		}
	}
	for i := range x.im.Stores {
		look(x.im.Stores[i].Digest)
	}
	for i := range x.im.Files {
		look(x.im.Files[i].Digest)
	}
	return list
}

// replace puts Stdio in the place of terminals and of what was on descriptors 0 to 2
// and is elsewhere. Whatever else was opened together with one of these, is it still.
func (x *restart) replace() {
	im := x.im
	x.replaced = make(map[int32]*object.File)
	for _, fd := range im.FDs {
		if int(fd.FD) < min(len(x.stdio), 3) && im.Files[fd.File].Kind == image.KindRemote && x.replaced[fd.File] == nil {
			x.replaced[fd.File] = x.stdio[fd.FD]
		}
	}
	if len(x.stdio) > 0 {
		for i := range im.Files {
			if f := &im.Files[i]; f.Kind == image.KindRemote && f.Terminal && x.replaced[int32(i)] == nil {
				x.replaced[int32(i)] = x.stdio[0]
			}
		}
	}
	im.TTY = -1 // a session of its own gets a terminal only if it is given one
}

// build puts the process together, now that its memory is here.
func (x *restart) build() {
	x.pulled = x.n.m.Now()
	if why := x.assemble(); why != "" {
		x.refuse("%s", why)
		return
	}
	x.acquire(func(why string) {
		if x.over {
			return
		}
		if why != "" {
			x.refuse("%s", why)
			return
		}
		x.askObjects()
	})
}

// askObjects asks those that do not count their holders whether they are there.
func (x *restart) askObjects() {
	asks := 1
	answered := func() {
		if asks--; asks == 0 && !x.over {
			x.start()
		}
	}
	for i := range x.im.Files {
		f := &x.im.Files[i]
		if f.Kind != image.KindRemote || f.Counted || x.replaced[int32(i)] != nil {
			continue
		}
		asks++
		h := &std.Header{Command: fileio.Poll, Size: uint32(object.Always)}
		x.n.call(flip.Address(f.Address), h, nil, movePatience, func(c *rpc.Complete) {
			if c.Status != std.OK {
				x.refuse("descriptor %d, %q, was open on something that does not answer: %v; give the copy something else there", x.descriptor(int32(i)), f.Path, c.Status)
			}
			answered()
		})
	}
	answered()
}

// descriptor is the first that refers to a file of the image, -1 if none does.
func (x *restart) descriptor(file int32) int32 {
	for _, fd := range x.im.FDs {
		if fd.File == file {
			return fd.FD
		}
	}
	return -1
}

// start lets the process run.
func (x *restart) start() {
	n, p := x.n, x.p
	n.reseed(p)
	of(p).listen()
	if x.q.Detached {
		of(p).detach(x.stdio)
	}
	if x.q.Terminal && len(x.stdio) > 0 {
		n.K.AdoptTerminal(p, x.stdio[0])
	}
	of(p).lease.grant(x.q.Lease)
	if x.q.Comment != "" {
		p.Comment = x.q.Comment[:min(len(x.q.Comment), maxComment)]
	}
	x.run()
	n.loseChildren(p)
	n.Log("motile: process %d goes on from checkpoint %d of process %d on node %d", p.PID, x.lineage.Generation, x.lineage.PID, x.lineage.Node)
	now := n.m.Now()
	x.report.PullUs, x.report.BuildUs, x.report.TotalUs = (x.pulled-x.began)/1000, (now-x.pulled)/1000, (now-x.began)/1000
	n.perform()
	x.end(api.ExecReply{PID: p.PID, Restart: x.report})
}
