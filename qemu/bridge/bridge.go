package bridge

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options of New. The zero value is good.
type Options struct {
	Name       string        // of the network, where there are several
	QueueBytes int           // what may wait for a port that does not read; default 2 MiB
	Ageing     time.Duration // how long an address is remembered; default 5 minutes
	Log        *slog.Logger  // links coming and going; default none
}

const (
	defaultQueue = 2 << 20
	// socketBytes is asked of the kernel for each connection. It is small next
	// to the outbox, so that the queue that counts is the one we count.
	socketBytes = 256 << 10
)

// Bridge is a running bridge. Its methods may be called from any goroutine.
type Bridge struct {
	opt     Options
	table   *table
	ports   atomic.Pointer[[]*port] // replaced, never changed
	plan    atomic.Pointer[plan]    // nil: no faults
	capture atomic.Pointer[capture] // nil: none yet
	watcher atomic.Pointer[Watcher] // nil: none

	mu        sync.Mutex // adding, removing, closing, changing faults and captures
	listeners map[string]*listener
	closed    bool
	work      sync.WaitGroup // all goroutines of the bridge
}

// listener is a socket on which ports attach.
type listener struct {
	*net.UnixListener
	mu    sync.Mutex
	conns map[*net.UnixConn]bool // nil once the listener is closed
}

// New returns a bridge without ports.
func New(opt Options) *Bridge {
	if opt.QueueBytes == 0 {
		opt.QueueBytes = defaultQueue
	}
	if opt.Ageing == 0 {
		opt.Ageing = defaultAgeing
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bridge{opt: opt, table: newTable(opt.Ageing), listeners: map[string]*listener{}}
	b.ports.Store(&[]*port{})
	return b
}

// AddPort makes a port that a node attaches to by connecting to the socket
// path. It must be called before the node's QEMU starts: QEMU's stream client
// does not try twice (and 7.2 does not complain either). Node N's ports are
// named nN, nN.1, nN.2, ….
func (b *Bridge) AddPort(name, path string) error {
	p := &port{name: name, bridge: b}
	return b.listen(name, path, func(conn *net.UnixConn) error { return p.serve(conn) }, p)
}

// ListenHosts lets tools attach by connecting to path; each gets a port of its
// own, host-1, host-2, … in the order of arrival.
func (b *Bridge) ListenHosts(path string) error {
	var last atomic.Int64
	return b.listen("host", path, func(conn *net.UnixConn) error {
		p := &port{name: fmt.Sprintf("host-%d", last.Add(1)), bridge: b}
		b.mu.Lock()
		b.insert(p)
		b.mu.Unlock()
		defer b.remove(p)
		return p.serve(conn)
	}, nil)
}

// listen opens a socket and serves each connection on a goroutine of its own.
// The port p, if any, exists as long as the socket.
func (b *Bridge) listen(name, path string, serve func(*net.UnixConn) error, p *port) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("bridge: port %s: the bridge is closed", name)
	}
	if b.listeners[name] != nil {
		return fmt.Errorf("bridge: port %s exists", name)
	}
	os.Remove(path) // left by a killed bridge; a live one would hold the cluster's lock
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("bridge: port %s: %w", name, err)
	}
	l := &listener{UnixListener: ln, conns: map[*net.UnixConn]bool{}}
	b.listeners[name] = l
	if p != nil {
		b.insert(p)
	}
	b.work.Go(func() {
		b.accept(name, l, serve)
		if p != nil {
			b.remove(p)
		}
	})
	return nil
}

func (b *Bridge) accept(name string, l *listener, serve func(*net.UnixConn) error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				b.opt.Log.Error("bridge: no more connections", "port", name, "err", err)
			}
			return
		}
		conn.SetWriteBuffer(socketBytes)
		if !l.admit(conn) {
			return
		}
		b.work.Go(func() {
			b.opt.Log.Debug("bridge: link up", "port", name)
			err := serve(conn)
			l.dismiss(conn)
			if err != nil {
				b.opt.Log.Warn("bridge: connection closed", "port", name, "err", err)
			}
			b.opt.Log.Debug("bridge: link down", "port", name)
		})
	}
}

func (l *listener) admit(conn *net.UnixConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		conn.Close()
		return false
	}
	l.conns[conn] = true
	return true
}

func (l *listener) dismiss(conn *net.UnixConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
	conn.Close()
}

// close ends the listener and all its connections, and removes the socket.
func (l *listener) close() {
	l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}

// RemovePort unplugs a port and removes its socket.
func (b *Bridge) RemovePort(name string) {
	b.mu.Lock()
	l := b.listeners[name]
	delete(b.listeners, name)
	b.mu.Unlock()
	if l != nil {
		l.close()
	}
}

func (b *Bridge) snapshot() []*port { return *b.ports.Load() }

// insert makes a port one of the bridge's. Called with mu held.
func (b *Bridge) insert(p *port) {
	p.follow(b.plan.Load())
	list := append(slices.Clone(b.snapshot()), p)
	b.ports.Store(&list)
}

func (b *Bridge) remove(p *port) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(b.snapshot()), func(q *port) bool { return q == p })
	b.ports.Store(&list)
	p.follow(nil) // no timer may outlive the port
}

// forward delivers a frame that came in at a port, and returns touched with
// the ports added that the caller must flush.
func (b *Bridge) forward(in *port, frame []byte, now time.Time, touched []*port) []*port {
	in.count.inFrames.Add(1)
	in.count.inBytes.Add(uint64(len(frame)))
	if len(frame) < etherHeader || len(frame) > MaxFrame {
		in.count.badSize.Add(1)
		return touched
	}
	b.record(in.name, frame)
	if w := b.watcher.Load(); w != nil {
		(*w)(in.name, frame)
	}
	dst, src := mac(frame[:macBytes]), mac(frame[macBytes:2*macBytes])
	if to := b.table.route(src, dst, in, now); to != nil {
		if to == in {
			return touched // it heard the frame itself
		}
		return to.take(in, frame, now, touched)
	}
	for _, to := range b.snapshot() {
		if to != in {
			touched = to.take(in, frame, now, touched)
		}
	}
	return touched
}

// take delivers and notes that the port must be flushed.
func (p *port) take(from *port, frame []byte, now time.Time, touched []*port) []*port {
	p.deliver(from, frame, now)
	if !slices.Contains(touched, p) {
		touched = append(touched, p)
	}
	return touched
}

// SetFaults puts faults in force in place of those before, and returns them
// with the seed they run on. Frames under way arrive at once.
func (b *Bridge) SetFaults(f Faults) (Faults, error) {
	if err := f.Validate(); err != nil {
		return Faults{}, err
	}
	sets, err := ParsePartition(f.Partition)
	if err != nil {
		return Faults{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var p *plan
	if f.Perfect() {
		f = Faults{}
	} else {
		for f.Seed == 0 {
			f.Seed = rand.Uint64()
		}
		p = &plan{Faults: f, partition: sets}
	}
	b.plan.Store(p)
	for _, q := range b.snapshot() {
		q.follow(p)
	}
	return f, nil
}

// Faults returns what is in force.
func (b *Bridge) Faults() Faults {
	if p := b.plan.Load(); p != nil {
		return p.Faults
	}
	return Faults{}
}

// Close unplugs everything, ends a capture, removes the sockets and waits for
// the bridge's goroutines.
func (b *Bridge) Close() error {
	b.mu.Lock()
	b.closed = true
	ls := b.listeners
	b.listeners = map[string]*listener{}
	b.mu.Unlock()
	for _, l := range ls {
		l.close()
	}
	b.work.Wait()
	_, err := b.StopCapture()
	if errors.Is(err, ErrNoCapture) {
		return nil
	}
	return err
}
