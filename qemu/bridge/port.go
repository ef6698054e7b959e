package bridge

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// port is one socket of the bridge. A node's port outlives the node: when the
// node is booted again it attaches anew.
type port struct {
	name   string
	bridge *Bridge
	count  counters
	out    atomic.Pointer[outbox] // nil while nothing is attached

	// Of deliveries that suffer faults. A perfect wire touches none of it.
	mu    sync.Mutex
	plan  *plan             // the bridge's, as of the last follow
	fates map[string]*fates // by sending port
	line  line
	timer *time.Timer // calls arrive when line.next is due; nil until first used
}

// serve is the life of one connection. It returns when the connection ends; an
// error says that what came over it was no stream of frames.
func (p *port) serve(conn *net.UnixConn) error {
	out, err := newOutbox(conn, p.bridge.opt.QueueBytes)
	if err != nil {
		conn.Close()
		return err
	}
	// Who connects last has the port: a node that was killed and booted again
	// may be here before its predecessor's end of file is.
	if old := p.out.Swap(out); old != nil {
		old.conn.Close()
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		out.run()
		conn.Close() // a failed write also ends the reader
	})

	err = p.read(conn)

	p.out.CompareAndSwap(out, nil)
	p.bridge.table.forget(p)
	out.close()
	writer.Wait()
	return err
}

// read forwards what the node sends until the connection ends, however it
// does: a node that is killed looks the same as one that powers off.
func (p *port) read(conn *net.UnixConn) error {
	in := newSplitter(conn)
	var touched []*port // with frames of this read to flush
	for {
		if in.fill() != nil {
			return nil
		}
		now := time.Now()
		for {
			frame, ok, err := in.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			touched = p.bridge.forward(p, frame, now, touched)
		}
		for _, q := range touched {
			q.flush()
		}
		touched = touched[:0]
	}
}

// deliver brings a frame to this port, or not, as the faults in force say.
// The caller flushes.
func (p *port) deliver(from *port, frame []byte, now time.Time) {
	if p.bridge.plan.Load() == nil {
		p.send(frame)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	plan := p.plan
	if plan == nil { // the plan is new, and follow on its way
		p.send(frame)
		return
	}
	f := p.fate(from.name)
	late := time.Duration(f.late * float64(plan.Jitter))
	switch {
	case plan.partition.Cuts(from.name, p.name):
		p.count.partitioned.Add(1)
		p.bridge.recordDropped(frame)
		return
	case f.lose:
		p.count.lost.Add(1)
		p.bridge.recordDropped(frame)
		return
	}
	if f.hold {
		p.hold(frame, late, now)
	} else {
		p.travel(frame, late, now)
	}
	if f.double {
		p.count.duplicated.Add(1)
		p.travel(frame, late, now)
	}
	p.arm(now)
}

// fate decides about the next delivery from a port. Called with mu held.
func (p *port) fate(from string) fate {
	f := p.fates[from]
	if f == nil {
		f = newFates(p.plan.Seed, from, p.name)
		if p.fates == nil {
			p.fates = map[string]*fates{}
		}
		p.fates[from] = f
	}
	return f.next(p.plan)
}

// travel sends a frame over the line, or at once where the line has neither
// length nor frames on it. Called with mu held.
func (p *port) travel(frame []byte, late time.Duration, now time.Time) {
	_, under := p.line.next()
	switch {
	case p.line.delay == 0 && late == 0 && p.line.rate == 0 && !under:
		p.send(frame)
	case p.line.push(now, late, frame):
		p.count.delayed.Add(1)
	default:
		p.shaped(frame)
	}
}

// hold is travel for a frame that the next one shall overtake.
func (p *port) hold(frame []byte, late time.Duration, now time.Time) {
	if !p.line.hold(now, late, frame) {
		p.shaped(frame)
		return
	}
	p.count.reordered.Add(1)
}

// shaped drops a frame for which the line has no room.
func (p *port) shaped(frame []byte) {
	p.count.rateLimited.Add(1)
	p.bridge.recordDropped(frame)
}

// arm has arrive called when the next frame comes out of the line; what is out
// already is sent now. Called with mu held.
func (p *port) arm(now time.Time) {
	for frame, ok := p.line.pop(now); ok; frame, ok = p.line.pop(now) {
		p.send(frame)
	}
	due, ok := p.line.next()
	if !ok {
		return
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(due.Sub(now), p.arrive)
		return
	}
	p.timer.Reset(due.Sub(now))
}

// arrive runs on the timer's goroutine.
func (p *port) arrive() {
	p.mu.Lock()
	p.arm(time.Now())
	p.mu.Unlock()
	p.flush()
}

// follow makes the port's line that of a new plan. What is under way arrives
// now, and the random decisions begin anew from the plan's seed.
func (p *port) follow(plan *plan) {
	p.mu.Lock()
	for l := &p.line; len(l.fifo)+len(l.held) > 0; {
		due, _ := l.next()
		frame, _ := l.pop(due)
		p.send(frame)
	}
	p.plan, p.fates, p.line = plan, nil, line{}
	if plan != nil {
		p.line = line{rate: plan.Rate, delay: plan.Delay}
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.flush()
}

// send queues a frame for the node.
func (p *port) send(frame []byte) {
	out := p.out.Load()
	switch {
	case out == nil:
		p.count.detached.Add(1)
	case !out.put(frame):
		p.count.queueFull.Add(1)
	default:
		p.count.outFrames.Add(1)
		p.count.outBytes.Add(uint64(len(frame)))
	}
}

func (p *port) flush() {
	if out := p.out.Load(); out != nil {
		out.flush()
	}
}
