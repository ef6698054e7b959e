package node

import (
	"fmt"
	"slices"
	"strings"

	"motile/ipc/rpc"
	"motile/kernel/fs"
	"motile/kernel/linux"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// What the target is told before anything stands still, and what it is sent.

func (s *source) sendOffer() {
	n := s.n
	s.offer = wire.Offer{Move: s.id, Source: n.Number, Version: image.Version}
	if s.object != nil {
		s.offerFile(s.object.file)
	} else {
		s.describe()
	}
	s.negotiate(func(a *wire.OfferReply) {
		s.boot, s.lack = a.Boot, a.Missing
		s.accepted = n.Tab.Now
		s.step(move.Accepted)
	})
}

// negotiate sends the offer. accepted is called if the target agrees.
func (s *source) negotiate(accepted func(a *wire.OfferReply)) {
	s.send(api.MoveOffer, s.offer, func(c *rpc.Complete) {
		var a wire.OfferReply
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		if image.Unmarshal(c.Data, &a) != nil {
			s.fail("node %d: malformed answer", s.target)
			return
		}
		if a.Refused != "" {
			s.why = fmt.Sprintf("node %d: %s", s.target, a.Refused)
			s.step(move.Refused)
			return
		}
		accepted(&a)
	})
}

// describe fills in what the target must know of the processes to decide.
func (s *source) describe() {
	s.introduce()
	s.needs()
}

// introduce says who they are.
func (s *source) introduce() {
	first := s.set[0]
	s.offer.PID, s.offer.Others = first.PID, s.set[1:].pids()
	s.offer.CPU, s.offer.Command, s.offer.Pages = s.n.cpu, command(first), s.pages()
}

// needs adds the directories and files that the target must have or be sent, and that are
// not among those already.
func (s *source) needs() {
	for _, p := range s.set {
		s.offerDir(p.Cwd)
		for fd := range p.FDs.Len() {
			if f := p.FDs.Held(int32(fd)); f != nil {
				s.offerFile(f)
			}
		}
	}
	spaces, of := s.set.spaces()
	for i, space := range spaces {
		for _, r := range space.Regions() {
			if r.Store != nil && r.Store.Immutable() && !r.Store.Nameless() {
				s.offerStore(r.Store, s.set[of[i]].Exe)
			}
		}
	}
}

// pages is how much memory the target needs for the set: what relatives share until one
// writes is there once, and so is what all of them may write.
func (s *source) pages() (n int) {
	spaces, _ := s.set.spaces()
	if len(spaces) == 1 {
		_, n = spaces[0].Resident()
	} else {
		n = vm.Distinct(spaces)
	}
	for st := range still(spaces) {
		n += st.Resident()
	}
	for st := range s.n.census(s.set).stores { // their order does not matter: it is a sum
		n += st.Resident()
	}
	return n
}

// still are the stores in some spaces that do not change and have no name: they go along.
func still(spaces []*vm.Space) map[*vm.Store]bool {
	all := make(map[*vm.Store]bool)
	for _, space := range spaces {
		for _, r := range space.Regions() {
			if r.Store != nil && r.Store.Nameless() {
				all[r.Store] = true
			}
		}
	}
	return all
}

// offerDir: the target must have a directory, unless it comes along.
func (s *source) offerDir(path string) {
	if slices.ContainsFunc(s.set, func(p *proc.Process) bool { return ownDir(path, p.PID) }) {
		return
	}
	if !slices.Contains(s.offer.Dirs, path) {
		s.offer.Dirs = append(s.offer.Dirs, path)
	}
}

// noDir is what a node says that lacks a directory.
const noDir = "has no directory %s, in which the process works; make it there first"

// lacksDir reports whether a directory is not here.
func (n *Node) lacksDir(path string) bool {
	pl, errno := n.K.FS.Lookup(n.K.FS.Root, path, true)
	return errno != 0 || pl.Beyond == nil && (pl.Node == nil || !pl.Node.IsDir())
}

// ownDir reports whether a directory is one that /proc has for a process.
func ownDir(path string, pid int32) bool {
	rest, is := strings.CutPrefix(path, linux.ProcDir(pid))
	return is && (rest == "" || rest[0] == '/')
}

func (s *source) offerFile(f *object.File) {
	switch impl := f.Impl.(type) {
	case *fs.Dir:
		s.offerDir(f.Path)
	case *fs.Regular:
		if st := impl.Store(); st.Immutable() && st.Digest != (vm.Digest{}) {
			s.offerStore(st, f.Path)
		}
	}
}

func (s *source) offerStore(st *vm.Store, path string) {
	if slices.Contains(s.files, st) {
		return
	}
	s.files = append(s.files, st)
	s.offer.Files = append(s.offer.Files, wire.FileOffer{Digest: st.Digest[:], Path: s.n.pathOf(st, path), Size: st.Size()})
}

// pathOf is where a file of some content lies in the tree.
func (n *Node) pathOf(st *vm.Store, or string) string {
	if node := n.K.FS.ByDigest(st.Digest); node != nil && node.Path != "" {
		if node.Path[0] != '/' {
			return "/" + node.Path
		}
		return node.Path
	}
	return or
}

// sendFiles sends what the target lacks, piece by piece, while the process runs.
func (s *source) sendFiles(i int, off int64) {
	if i == len(s.lack) {
		s.filesSent()
		return
	}
	k := s.lack[i]
	if k < 0 || k >= len(s.files) {
		s.fail("node %d asks for a file that was not offered", s.target)
		return
	}
	st, f := s.files[k], s.offer.Files[k]
	data := make([]byte, min(int64(filePiece), st.Size()-off))
	st.ReadAt(data, off)
	s.send(api.MoveFile, wire.File{Move: s.id, Digest: f.Digest, Path: f.Path, Size: f.Size, Off: off, Data: data}, func(c *rpc.Complete) {
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		s.report.Bytes += int64(len(data))
		if off += int64(len(data)); off < st.Size() {
			s.sendFiles(i, off)
		} else {
			s.sendFiles(i+1, 0)
		}
	})
}

const filePiece = 48 << 10

// filesSent goes on to what the strategy does while the set runs: once.
func (s *source) filesSent() {
	if s.object == nil && !s.prepared {
		if s.set = s.muster(); s.incomplete(s.filesSent) {
			return
		}
		s.prepared = true
		if s.strategy == auto {
			s.strategy = s.choose()
		}
		switch {
		case len(s.set) == 0:
		case s.strategy.precopies():
			s.precopy()
			return
		case s.strategy == flushing:
			s.findServer(s.settle)
			return
		}
	}
	s.settle()
}

// Between vfork and exec two processes run in one memory, and neither can leave
// alone. That is over soon, as a rule, but on a busy node exec may have to wait for its
// file: a move waits this long, and then refuses.
const (
	vforkGrace = 1e9
	vforkPause = 2e6
)

// maxOffers is how often a target is asked about files. Who opens others all the time is
// told that, at last, by the target that lacks one.
const maxOffers = 16

// same reports whether the first of the set is still the process that was offered.
func (s *source) same() bool { return len(s.set) > 0 && s.set[0].PID == s.offer.PID }

// opened reports whether the set uses files by now that were not offered: it has opened
// them, or called exec, while others were on the way.
func (s *source) opened() bool {
	if s.offers >= maxOffers {
		return false
	}
	known := len(s.files)
	s.needs()
	return len(s.files) > known
}

// offerMore asks which of all files the target lacks now, and sends those. With void, the
// pages that were sent before are of no use.
func (s *source) offerMore(void bool) {
	s.offers++
	s.introduce()
	s.offer.Void = void
	s.negotiate(func(a *wire.OfferReply) {
		switch {
		case s.m.State() != move.Sending:
		case a.Boot != s.boot:
			s.fail("node %d was restarted", s.target)
		default:
			s.lack = a.Missing
			s.sendFiles(0, 0)
		}
	})
}

// incomplete reports whether memory of the set is not here yet, since the last move; then calls
// when it is.
func (s *source) incomplete(then func()) bool {
	for _, p := range s.set {
		if p.Space.Away() > 0 {
			s.n.whole(p, func() {
				if s.m.State() == move.Sending {
					then()
				}
			})
			return true
		}
	}
	return false
}

// settle goes on to the freeze, once the set has its memory for itself.
func (s *source) settle() {
	if s.object == nil {
		if s.set = s.muster(); s.incomplete(s.settle) {
			return
		}
	}
	if void := s.voided(); s.same() && (void || s.opened()) {
		s.offerMore(void)
		return
	}
	p, with := s.n.outsider(s.set)
	switch {
	case p == nil:
		s.step(move.FilesSent)
	case s.n.Tab.Now-s.accepted < vforkGrace:
		s.n.Tab.StartTimer(&s.grace, s.n.Tab.Now+vforkPause)
	default:
		root := p
		if p.VforkParent() != nil {
			root = with
		}
		s.fail("process %d is between vfork and exec and shares its memory with process %d; try again when the child has called exec, or move both: migrate --tree %d %d",
			p.PID, with.PID, root.PID, s.target)
	}
}

// graceOver is the source as the owner of its grace timer.
type graceOver struct{ s *source }

// Expire implements proc.Expirer.
func (g graceOver) Expire(int64) {
	if g.s.m.State() == move.Sending {
		g.s.settle()
	}
}
