package node

import (
	"fmt"
	"strings"

	"motile/kernel/vm"
	"motile/proc"
)

// set is the processes that move together, parents before their children. A process
// that moves alone is a set of one, an object by itself a set of none.
type set []*proc.Process

func (s set) has(p *proc.Process) bool {
	for _, q := range s {
		if q == p {
			return true
		}
	}
	return false
}

// String names them for logs and people.
func (s set) String() string { return pidsText(s.pids()) }

func (s set) pids() (pids []int32) {
	for _, p := range s {
		pids = append(pids, p.PID)
	}
	return pids
}

// are is the set with its verb.
func (s set) are() string {
	if len(s) > 1 {
		return s.String() + " are"
	}
	return s.String() + " is"
}

// maxNamed is how many processes are named in one breath.
const maxNamed = 8

// pidsText names processes, none of which is a set of none: an object.
func pidsText(pids []int32) string {
	switch len(pids) {
	case 0:
		return "an object"
	case 1:
		return fmt.Sprintf("process %d", pids[0])
	}
	var b strings.Builder
	for i, pid := range pids {
		switch {
		case i == maxNamed:
			fmt.Fprintf(&b, " and %d more", len(pids)-i)
			return "processes " + b.String()
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, pid)
	}
	return "processes " + b.String()
}

// spaces are the memories the set runs in, and for each which process is the first that
// does.
func (s set) spaces() (spaces []*vm.Space, first []int) {
	for i, p := range s {
		if k := s.spaceOf(i); k == i {
			spaces, first = append(spaces, p.Space), append(first, i)
		}
	}
	return spaces, first
}

// spaceOf is the first process of the set that runs in the memory of the i-th: that one
// itself, unless it is between vfork and exec.
func (s set) spaceOf(i int) int {
	for k, p := range s[:i] {
		if p.Space == s[i].Space {
			return k
		}
	}
	return i
}

// outsider is a process not in the set that runs in the memory of one that is, nil if
// there is none.
func (n *Node) outsider(s set) (of, with *proc.Process) {
	for _, p := range s {
		if !p.Space.Shared() {
			continue
		}
		for _, q := range n.Tab.Processes() {
			if q.Space == p.Space && !s.has(q) {
				return p, q
			}
		}
	}
	return nil, nil
}

// tree lists processes of this node and, of these, all descendants that are here.
// A child that is elsewhere and has children here is passed over.
func (n *Node) tree(roots []int32) (all set) {
	children := make(map[int32][]*proc.Process)
	for _, p := range n.Tab.Processes() {
		children[p.Parent] = append(children[p.Parent], p)
	}
	under := make(map[int32]bool) // somebody else of the list
	var below func(pid int32, visit func(*proc.Process))
	below = func(pid int32, visit func(*proc.Process)) {
		kin := children[pid]
		if p := n.Tab.Process(pid); p != nil {
			for _, c := range p.Children {
				if n.Tab.Process(c.PID) == nil {
					kin = append(kin[:len(kin):len(kin)], children[c.PID]...)
				}
			}
		}
		for _, q := range kin {
			if !under[q.PID] {
				under[q.PID] = true
				visit(q)
				below(q.PID, visit)
			}
		}
	}
	for _, pid := range roots {
		below(pid, func(*proc.Process) {})
	}
	tops := roots[:0:0]
	for _, pid := range roots {
		if p := n.Tab.Process(pid); p != nil && !under[pid] && !all.has(p) {
			tops = append(tops, pid)
			all = append(all, p)
		}
	}
	clear(under)
	for _, pid := range tops {
		below(pid, func(q *proc.Process) { all = append(all, q) })
	}
	return all
}
