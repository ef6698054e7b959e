package image

import "fmt"

// Set is the images of processes that move together, the one that was named first. The
// files, stores and objects of all are in the tables of the first, so that what two of
// them have open, or have mapped, is there once and stays one thing; the indices of the
// others are into those. One process is a set of one.
type Set []*Process

// maxSet is how many processes a set has at most: those of a node.
const maxSet = 1024

// Check reports the first thing that is wrong. What passes can be adopted.
func (s Set) Check(objects []Object) error {
	if len(s) == 0 || len(s) > maxSet {
		return fmt.Errorf("a set of %d processes", len(s))
	}
	for i, p := range s {
		if i == 0 {
			if p.Space != 0 || p.Vfork != 0 {
				return fmt.Errorf("image of process %d: it is the first, and runs in the memory of another", p.PID)
			}
			if err := p.Check(objects); err != nil {
				return err
			}
			continue
		}
		if err := s.checkOther(i); err != nil {
			return fmt.Errorf("image of process %d: %w", p.PID, err)
		}
	}
	return s.checkRelations()
}

// checkRelations: an id is one process's or one thread's, and nobody descends from himself.
func (s Set) checkRelations() error {
	byPID, ids := make(map[int32]*Process, len(s)), make(map[int32]*Process)
	for _, p := range s {
		if byPID[p.PID] != nil {
			return fmt.Errorf("image of process %d: there are two", p.PID)
		}
		byPID[p.PID], ids[p.PID] = p, p
	}
	for _, p := range s {
		for i := range p.Threads {
			tid := p.Threads[i].TID
			if q := ids[tid]; q != nil && (q != p || tid != p.PID) {
				return fmt.Errorf("image of process %d: id %d of a thread is one of process %d too", p.PID, tid, q.PID)
			}
			ids[tid] = p
		}
	}
	for _, p := range s {
		ancestor := byPID[p.Parent]
		for n := 0; ancestor != nil; n++ {
			if n == len(s) {
				return fmt.Errorf("image of process %d: a ring of parents", p.PID)
			}
			ancestor = byPID[ancestor.Parent]
		}
	}
	return nil
}

// checkOther checks a process that is not the first, which is.
func (s Set) checkOther(i int) error {
	p := s[i]
	if len(p.Files) > 0 || len(p.Stores) > 0 {
		return fmt.Errorf("%d files and %d stores of its own", len(p.Files), len(p.Stores))
	}
	if p.Space < 0 || int(p.Space) > i || p.Space != 0 && (s[p.Space-1].Space != 0 || len(p.Regions) > 0) {
		return fmt.Errorf("it runs in the memory of process %d of the set", p.Space-1)
	}
	if p.Vfork != 0 && (p.Space == 0 || !s[p.Space-1].hasThread(p.Vfork)) {
		return fmt.Errorf("thread %d waits for it, and is none of the process whose memory it runs in", p.Vfork)
	}
	q := *p
	q.Files, q.Stores = s[0].Files, s[0].Stores
	for _, check := range []func() error{
		q.checkIdentity, q.checkThreads, q.checkMemory,
		q.checkDescriptors, q.checkSignals, q.checkTimers,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Process) hasThread(tid int32) bool {
	for i := range p.Threads {
		if p.Threads[i].TID == tid {
			return true
		}
	}
	return false
}
