package soap

import (
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

// What replicas ask each other, each at a port of its own.
const (
	// cmdAwait returns a Report: when the disk has Offset updates of the group Object and
	// watchers have forgotten what those have changed, or soon in any case.
	cmdAwait = std.PrivateFirst + 221 + iota
	// cmdPromise asks for a promise to join no group older than Offset → Report.
	cmdPromise
	// cmdSnapshot reads the state at the mark Object, from byte Offset on → Size: bytes in all.
	cmdSnapshot
)

const (
	awaitHold    = 500 * time.Millisecond
	peerPatience = 2 * time.Second
	askAgain     = 200 * time.Millisecond
	fresh        = 1500 * time.Millisecond // as long a report counts as of now
	diskPatience = 5 * time.Second
)

func (v *Server) replicaPort(n int) capability.Port { return v.cfg.Key.ServicePort("soap replica", n) }

// peer answers another replica, which may pass on what a client has asked it.
func (v *Server) peer(h *std.Header, data []byte) []byte {
	if h.Command < cmdAwait || h.Command > cmdSnapshot {
		h.Port = v.put()
		return v.carryOut(h, data)
	}
	q := *h
	*h = std.Header{}
	c := q.Capability()
	c.Object = 0 // what is there is an argument
	if !capability.Verify(c, v.cfg.Key.ServiceSecret("soap replica", v.cfg.Replica)) || c.Rights != capability.AllRights {
		h.SetStatus(std.CapBad)
		return nil
	}
	switch q.Command {
	case cmdAwait:
		r := v.reportWhen(q.Object, q.Offset)
		return r.encode()
	case cmdPromise:
		r, st := v.promise(q.Offset)
		h.SetStatus(st)
		return r.encode()
	}
	return v.snapshotPart(h, q.Object, q.Offset)
}

// ask asks another replica.
func (v *Server) ask(peer int, h *std.Header, reply []byte) (int, error) {
	c := v.cfg.Key.ServiceCap("soap replica", peer)
	c.Object = h.Object
	h.SetCapability(c)
	n, err := lib.TransWithin(h, nil, reply, peerPatience)
	if err == nil && h.Status() != std.OK {
		err = h.Status()
	}
	return n, err
}

func (v *Server) askReport(peer int, h *std.Header) (r Report, err error) {
	reply := make([]byte, reportLen)
	n, err := v.ask(peer, h, reply)
	if err != nil {
		return r, err
	}
	r, ok := decodeReport(reply[:n])
	if !ok || r.Replica != peer {
		return r, std.SysErr
	}
	return r, nil
}

// follow keeps up with what another replica reports now and then.
func (v *Server) follow(peer int) {
	for {
		v.mu.Lock()
		h := std.Header{Command: cmdAwait, Object: v.group.epochOf()}
		v.mu.Unlock()
		if !v.learn(peer, &h) || h.Object == 0 {
			time.Sleep(askAgain)
		}
	}
}

// chase asks another replica to report as soon as its disk has what our clients wait for.
func (v *Server) chase(peer int) {
	for {
		v.mu.Lock()
		v.await(forever(), func() bool { return v.group != nil && v.lacks(peer) })
		h := std.Header{Command: cmdAwait, Object: v.group.epochOf(), Offset: v.wanted()}
		v.mu.Unlock()
		if !v.learn(peer, &h) {
			time.Sleep(askAgain)
		}
	}
}

// lacks reports whether a client waits for something that another replica has not reported
// yet. Preconditions: mu is held, and we are in a group.
func (v *Server) lacks(peer int) bool {
	seq, k, a := v.wanted(), v.known[peer], v.last[peer]
	return seq != 0 && (k.Epoch != v.group.epoch || k.Seq < seq || a.Group != v.group.epoch || a.Clear < seq)
}

// learn asks another replica for a report.
func (v *Server) learn(peer int, h *std.Header) bool {
	q := *h
	r, err := v.askReport(peer, &q)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		if h.Offset == 0 {
			delete(v.heard, peer)
		}
		return false
	}
	now := asked{r, time.Now()}
	v.heard[peer] = now
	v.known[peer] = r.Kept
	if r.Group != 0 {
		v.last[peer] = now
	}
	v.changed()
	return true
}

// report is what there is to say of us. Preconditions: mu is held.
func (v *Server) report() Report {
	return Report{Replica: v.cfg.Replica, Kept: v.kept, Group: v.group.epochOf(), Clear: v.clear()}
}

// others are the reports of those who have answered just now. Preconditions: mu is held.
func (v *Server) others() (list []Report) {
	for _, n := range v.cfg.Replicas {
		if a, ok := v.heard[n]; ok && n != v.cfg.Replica && time.Since(a.at) < fresh {
			list = append(list, a.Report)
		}
	}
	return list
}

// reportWhen reports when the disk has some updates of a group and all watchers have
// forgotten what those have changed, or soon in any case; seq 0: nobody waits for that. A
// disk that cannot be written now is not waited for.
func (v *Server) reportWhen(epoch, seq uint64) Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.await(time.Now().Add(awaitHold), func() bool {
		there := seq > 0 && v.clear() >= seq && (v.whole || v.kept.Epoch == epoch && v.kept.Seq >= seq)
		return there || epoch == 0 || v.group.epochOf() != epoch
	})
	return v.report()
}

// promise promises, if that is possible, and returns when it is on disk.
func (v *Server) promise(ballot uint64) (Report, std.Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	me := v.report()
	me.Promised = v.promised
	st := promise(&me, ballot)
	if st == std.OK {
		v.promised = ballot
		if !v.onDisk() || v.group != nil || v.promised != ballot {
			st = std.NotNow
		}
	}
	return v.report(), st
}

// onDisk waits until the present state and promise are on disk, and reports whether they
// are. Preconditions: mu is held.
func (v *Server) onDisk() bool {
	until := time.Now().Add(diskPatience)
	v.changed()
	return v.await(until, func() bool { return v.kept == v.present() && !v.whole })
}

// proxy is a replica that can answer clients, if this one cannot; 0: none.
func (v *Server) proxy() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.group != nil {
		return 0
	}
	for _, r := range v.others() {
		if r.Group != 0 {
			return r.Replica
		}
	}
	return 0
}

// passOn has another replica answer a client.
func (v *Server) passOn(peer int, h *std.Header, data []byte) []byte {
	q := *h
	q.Port = v.replicaPort(peer).Put()
	reply := make([]byte, std.SoapMaxData+1024)
	n, err := lib.TransWithin(&q, data, reply, patience+peerPatience)
	if err != nil {
		*h = status(std.SoapUnavail)
		return nil
	}
	*h = q
	return reply[:n]
}

// snapshotPart is a part of the state as it was at a mark.
func (v *Server) snapshotPart(h *std.Header, mark, from uint64) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.group == nil || v.group.snapshots[mark] == nil {
		h.SetStatus(std.NotNow) // the mark has not come yet
		return nil
	}
	all := v.group.snapshots[mark]
	h.Size = uint32(len(all))
	if from >= uint64(len(all)) {
		delete(v.group.snapshots, mark) // he has it
		return nil
	}
	return all[from:min(uint64(len(all)), from+std.SoapMaxData)]
}
