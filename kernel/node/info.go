package node

import (
	"fmt"
	"strings"

	"motile/kernel/linux"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
	"motile/proc/api"
)

// info describes a process.
func (n *Node) info(p *proc.Process) api.ProcessInfo {
	const kb = vm.PageBytes / 1024
	u, s := p.CPU()
	in := api.ProcessInfo{
		PID: p.PID, Parent: p.Parent, PGID: p.PGID, SID: p.SID, Node: n.Number, Trail: p.Trail,
		Threads: len(p.Threads), State: n.state(p), CPUms: (u + s) / 1e6, Command: command(p),
		Moves: p.Moves, Residuals: n.residuals(p), Missing: p.Missing, Comment: p.Comment,
		AgeMs: (p.Now() - p.Started) / 1e6, Detached: p.Log != nil, Shaken: of(p).shakenSoFar(),
	}
	if x, ok := p.Ext.(*process); ok {
		in.Stun, in.LeaseMs = x.stun.String(), x.lease.left()/1e6
	}
	if p.Space != nil {
		pages, _ := p.Space.Resident()
		in.SizeKB, in.VirtKB = pages*kb, p.Space.Virtual()*kb
	}
	return in
}

func command(p *proc.Process) string {
	if len(p.Args) == 0 {
		return p.Comm
	}
	return strings.Join(p.Args, " ")
}

func (n *Node) state(p *proc.Process) string {
	if s := n.moveState(p); s != "" {
		return s
	}
	if p.Stunned() {
		return "stunned"
	}
	return linux.StateLetter(p)
}

// residuals lists what a process still needs of other nodes.
func (n *Node) residuals(p *proc.Process) (out []string) {
	for fd := range p.FDs.Len() {
		f := p.FDs.Held(int32(fd))
		if f == nil {
			continue
		}
		if r, ok := f.Impl.(*object.Remote); ok && r.Residual {
			out = append(out, fmt.Sprintf("node %d: %s (fd %d)", r.Home, f.Path, fd))
		}
	}
	if s := n.residual(p); s != "" {
		out = append(out, s)
	}
	return out
}

// load describes the node.
func (n *Node) load() api.Load {
	const kb = vm.PageBytes / 1024
	l := api.Load{
		Node: n.Number, Boot: n.ipc.boot, UptimeMs: n.Tab.Now / 1e6,
		Runnable: n.Tab.Runnable(), Processes: len(n.Tab.Processes()),
		WallNs: n.Tab.Now + n.Tab.WallBase, LoadMilli: n.loadMilli, Machine: n.machine,
	}
	if n.K.TotalPages != nil {
		l.TotalKB, l.FreeKB = int(n.K.TotalPages())*kb, int(n.K.FreePages())*kb
	}
	if n.K.HeapPages != nil {
		l.HeapKB = int(n.K.HeapPages()) * kb
	}
	return l
}

// State is the state of a process as ps shows it.
func (n *Node) State(p *proc.Process) string { return n.state(p) }

// InDoubt reports whether a process of this node is committed to another that has
// not confirmed.
func (n *Node) InDoubt(pid int32) bool {
	s := n.sources[pid]
	return s != nil && s.m.InDoubt()
}
