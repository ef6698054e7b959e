package node

import (
	"slices"

	"motile/ipc/fileio"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc/api"
)

// Locks of files of this node that are asked for, held and waited for by processes
// elsewhere; and of files elsewhere by processes here.

// lock serves a lock request at the file.
func (x *export) lock(r *rpc.Incoming) {
	l, op, q, ok := x.lockRequest(r)
	if !ok {
		return
	}
	errno := l.Lock(op, x.file, q)
	h := std.Header{Extra: uint32(errno), Offset: x.lockVersion()}
	var data []byte
	if q.Test && errno == 0 {
		data = fileio.Found{Type: q.Type, Start: q.Start, Len: q.Len, PID: q.PID}.Append(nil)
	}
	h.Size = uint32(len(data))
	x.n.replyHeader(r, &h, data)
}

// lockWait is answered when there is reason to try again.
func (x *export) lockWait(r *rpc.Incoming) {
	l, op, q, ok := x.lockRequest(r)
	if !ok {
		return
	}
	if r.Header.Offset != x.lockVersion() {
		x.answer(r, 0, 0, nil)
		return
	}
	p := &poll{x: x, handle: r.Handle, locks: true}
	queue, tag := l.LockQueue(op, x.file, q)
	p.waiter.Owner, p.waiter.Tag = p, tag
	queue.Add(&p.waiter)
	x.polls = append(x.polls, p)
}

func (x *export) lockRequest(r *rpc.Incoming) (l object.Lockable, op *object.Op, q *object.LockRequest, ok bool) {
	w, rest, ok := fileio.DecodeWho(r.Data)
	fq, good := fileio.DecodeLock(rest)
	if !ok || !good || w.PID <= 0 {
		x.n.reply(r, std.ArgBad, nil)
		return nil, nil, nil, false
	}
	if l, ok = x.file.Impl.(object.Lockable); !ok {
		x.answer(r, abi.ENOLCK, 0, nil)
		return nil, nil, nil, false
	}
	return l, x.op(w), &object.LockRequest{LockRequest: fq}, true
}

func (x *export) lockVersion() uint64 {
	if v, ok := x.file.Impl.(interface{ LockVersion() uint64 }); ok {
		return v.LockVersion()
	}
	return 0
}

// unlock: processes elsewhere have closed the file.
func (x *export) unlock(list []api.Unlock) {
	if l, ok := x.file.Impl.(object.Lockable); ok {
		for _, u := range list {
			l.Unlock(u.PID, u.Upto)
		}
	}
}

// askLocks asks a file elsewhere to say when there is reason to try for a lock again.
// Whoever waits tries again too if the file cannot be asked, and finds out why.
func (n *Node) askLocks(r *object.Remote, who []byte, version uint64) {
	n.call(r.Addr, &std.Header{Command: fileio.LockWait, Offset: version}, who, patience, func(*rpc.Complete) {
		r.LocksChanged()
	})
}

// remoteUnlocked: a process here has closed a file of another node that it may have
// locked. The file hears of it in the conversation about who holds it.
func (n *Node) remoteUnlocked(r *object.Remote, pid int32, upto int64) {
	h := n.holdOn(r)
	h.unlocks = append(h.unlocks, api.Unlock{PID: pid, Upto: upto})
	h.step()
}

// A process that has locked a file of this node and was elsewhere when its node lost
// power cannot give the lock up. It is looked for as children are (lookForChildren),
// and if nobody has claimed it for a minute, its locks are gone.
func (n *Node) lookForLockers() {
	pids := n.K.FS.Locks.Processes()
	for _, pid := range pids {
		if n.Tab.Process(pid) != nil {
			delete(n.lockers, pid)
			continue
		}
		n.lookForLocker(pid)
	}
	for pid := range n.lockers {
		if !slices.Contains(pids, pid) {
			delete(n.lockers, pid)
		}
	}
}

func (n *Node) lookForLocker(pid int32) {
	n.call(n.ipc.key.ProcessAddress(pid), n.processHeader(pid, std.Info), nil, familyPatience, func(c *rpc.Complete) {
		if c.Status != std.RPCNotFound {
			delete(n.lockers, pid)
			return
		}
		if n.lockers[pid]++; n.lockers[pid] >= maxUnclaimed {
			delete(n.lockers, pid)
			n.Log("motile: process %d is lost: its locks are given up", pid)
			n.K.FS.Locks.Unlock(pid)
		}
	})
}
