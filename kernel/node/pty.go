package node

import (
	"slices"

	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/migrate/image"
)

// Pseudo-terminals in moves. One goes along when all who have it open do, or are on
// other nodes; otherwise it stays, and is used from afar, as a pipe is.

// pty reports whether all descriptions of both ends are the set's alone, or held by
// other nodes only. A set of none asks for the latter.
func (c *census) pty(p *object.PTY) bool {
	masters, slaves, _, _ := p.Ends()
	left := masters + slaves
	for _, f := range c.open {
		if object.PTYOf(f) != p {
			continue
		}
		if !c.exclusive(f) {
			return false
		}
		left--
	}
	for _, x := range c.n.exports {
		if object.PTYOf(x.file) != p || c.files[x.file] > 0 {
			continue
		}
		if x.file.Refs() > 1 || c.watchedByOthers(x.file) {
			return false
		}
		left--
	}
	return left == 0
}

// ptyOwn reports whether nobody else has an end of it.
func (c *census) ptyOwn(p *object.PTY) bool {
	for _, x := range c.n.exports {
		if object.PTYOf(x.file) == p {
			return false
		}
	}
	return c.pty(p)
}

func ptyKind(f *object.File) image.Kind {
	if _, master := f.Impl.(*object.Master); master {
		return image.KindPTYMaster
	}
	return image.KindPTYSlave
}

// capturePTY writes one down, and the descriptions that only other nodes hold.
func (n *Node) capturePTY(c *captured, f *object.File, m *image.File, o *image.Object) {
	p := object.PTYOf(f)
	m.Kind = ptyKind(f)
	if o.PTY != nil {
		return // by its other end
	}
	masters, slaves, left, out := p.Ends()
	unread := p.Line.Save()
	o.PTY = &image.PTY{
		Number: p.Number, Locked: p.Locked, Masters: masters, Slaves: slaves, Left: left, Output: out,
		Termios: p.Line.Termios.Encode(), Size: p.Line.Size.Encode(),
		Ready: unread.Ready, Ends: unread.Ends, Edit: unread.Edit, Quote: unread.Quote, Held: unread.Held,
		Column: unread.Column, Start: unread.Start,
		Session: p.Job.Session, Foreground: p.Job.Foreground,
	}
	if c.copy {
		return
	}
	for _, x := range n.exports {
		if object.PTYOf(x.file) == p && !slices.Contains(c.files, x.file) && x.file.Refs() == 1 {
			c.files = append(c.files, x.file)
			c.im.Files = append(c.im.Files, image.File{Kind: ptyKind(x.file), Flags: x.file.Flags, Path: x.file.Path, Object: int32(len(c.objects) - 1)})
		}
	}
}

// leavePTYs: what of them was written down is elsewhere now. To close what is left here
// hangs nobody up.
func (c *captured) leavePTYs() {
	for i, f := range c.files {
		if k := c.im.Files[i].Kind; k == image.KindPTYMaster || k == image.KindPTYSlave {
			object.PTYOf(f).Leave()
		}
	}
}

// pty makes one of an image. It is found by its number from enterPTYs on.
func (a *assembly) pty(o *image.PTY) (*object.PTY, string) {
	n := a.n
	p := &object.PTY{Number: o.Number, Locked: o.Locked, Line: tty.New(), Job: tty.Job{Session: o.Session, Foreground: o.Foreground}}
	if a.copy {
		p.Job = tty.Job{} // a copy is in a session of its own
	}
	if n.K.PTYs.Get(p.Number) != nil {
		if !a.copy {
			return nil, "a pseudo-terminal of that number is in use here"
		}
		p.Number = n.Tab.Draw()
	}
	p.Line.Termios.Decode(o.Termios)
	p.Line.Size = tty.DecodeWinsize(o.Size)
	if !p.Line.Restore(tty.Unread{Ready: o.Ready, Ends: o.Ends, Edit: o.Edit, Quote: o.Quote, Held: o.Held, Column: o.Column, Start: o.Start}) {
		return nil, "the input of a pseudo-terminal makes no sense"
	}
	n.K.PTYs.Arrive(p, o.Masters, o.Slaves, o.Left, o.Output)
	a.ptys = append(a.ptys, p)
	return p, ""
}

// enterPTYs lets those be found that came with an image.
func (a *assembly) enterPTYs() {
	for _, p := range a.ptys {
		p.Enter()
	}
	a.ptys = nil
}
