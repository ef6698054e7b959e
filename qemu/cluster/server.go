package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"motile/qemu/bridge"
)

// server obeys the control socket.
type server struct {
	cluster *Cluster
	ln      *net.UnixListener
	down    func()        // asks the daemon to end
	stopped chan struct{} // closed when everything but the server has

	faults sync.Mutex // one change at a time
	work   sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil: no more
}

// serve opens the control socket. Down is called when a client asks for the
// cluster's end; that client is answered once stopped is closed.
func (c *Cluster) serve(down func(), stopped chan struct{}) (*server, error) {
	path := c.socks.control()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s := &server{cluster: c, ln: ln, down: down, stopped: stopped, conns: map[net.Conn]bool{}}
	c.mu.Lock()
	c.daemon = path
	c.mu.Unlock()
	s.work.Go(s.accept)
	return s, c.save()
}

func (s *server) accept() {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.conns == nil {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.conns[conn] = true
		s.work.Go(func() {
			s.converse(conn)
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
			conn.Close()
		})
		s.mu.Unlock()
	}
}

// lastWords is how long a client has to take what was still to be said.
const lastWords = 2 * time.Second

// close ends all conversations: nothing more is read, requests under way are
// given up, and their answers go out.
func (s *server) close() {
	s.ln.Close()
	s.mu.Lock()
	for conn := range s.conns {
		conn.SetReadDeadline(past)
		conn.SetWriteDeadline(time.Now().Add(lastWords))
	}
	s.conns = nil
	s.mu.Unlock()
	s.work.Wait()
}

// session is one conversation.
type session struct {
	*server
	conn net.Conn
	in   *bufio.Reader

	mu sync.Mutex // progress comes from several goroutines
}

// converse answers a client's requests until it goes.
//
// While a request is worked on, a goroutine reads ahead, so that the client's
// going is noticed and cancels the request.
func (s *server) converse(conn net.Conn) {
	c := &session{server: s, conn: conn, in: bufio.NewReader(conn)}
	for {
		var req request
		line, err := c.in.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := json.Unmarshal(line, &req); err != nil {
			c.send(reply{Error: "not a request: " + err.Error()})
			return
		}
		switch req.Op {
		case opConsole:
			c.console(req.Args)
			return
		case opTerminal:
			c.terminal(req.Args)
			return
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		ahead := make(chan struct{})
		go func() {
			defer close(ahead)
			if _, err := c.in.Peek(1); err != nil {
				cancel(errors.New("the client has gone"))
			}
		}()
		result, err := c.obey(ctx, req)
		cancel(nil)
		if !c.answer(result, err) {
			return
		}
		<-ahead
	}
}

func (c *session) obey(ctx context.Context, req request) (any, error) {
	cl := c.cluster
	switch req.Op {
	case opStatus:
		return cl.Status(), nil
	case opAdd:
		return with(req, func(a addArgs) (any, error) { return cl.Add(ctx, a.Nodes, c.progress) })
	case opKill:
		return with(req, func(a nodeArgs) (any, error) { return cl.Kill(a.Node) })
	case opRestart:
		return with(req, func(a nodeArgs) (any, error) { return cl.Restart(ctx, a.Node, c.progress) })
	case opFaults:
		return with(req, c.changeFaults)
	case opCaptureStart:
		return with(req, func(a captureArgs) (any, error) { return none{}, bridge.StartCapture(a.File, cl.Bridges()...) })
	case opCaptureStop:
		return bridge.StopCapture(cl.Bridges()...)
	case opTerminalInfo:
		return with(req, func(a nodeArgs) (any, error) { return cl.terminalInfo(a.Node) })
	case opDown:
		c.down()
		<-c.stopped
		return none{}, nil
	}
	return nil, fmt.Errorf("unknown request %q: is this tool of another version than the daemon? Restart the cluster", req.Op)
}

// with decodes a request's arguments.
func with[A any](req request, do func(A) (any, error)) (any, error) {
	var a A
	if err := json.Unmarshal(req.Args, &a); err != nil {
		return nil, fmt.Errorf("request %s: %w", req.Op, err)
	}
	return do(a)
}

func (c *session) changeFaults(change FaultChange) (any, error) {
	c.faults.Lock()
	defer c.faults.Unlock()
	return c.cluster.ChangeFaults(change)
}

// Status returns the cluster's facts.
func (c *Cluster) Status() Status {
	nets := c.Networks()
	return Status{
		Dir:    c.dir,
		PID:    c.owner.PID,
		Since:  c.owner.Since,
		Hosts:  nets[0].Hosts,
		Kernel: c.conf.Kernel,
		Initrd: c.conf.Initrd,
		Nodes:  c.Nodes(),
		Bridge: nets[0].Stats,
		Nets:   nets,
	}
}

func (c *session) progress(text string) { c.send(reply{Progress: text}) }

// answer ends a request. It reports whether the client is still there.
func (c *session) answer(result any, err error) bool {
	if err != nil {
		return c.send(reply{Error: err.Error()})
	}
	text, err := json.Marshal(result)
	if err != nil {
		return c.send(reply{Error: err.Error()})
	}
	return c.send(reply{Result: text})
}

func (c *session) send(r reply) bool {
	text, err := json.Marshal(r)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.conn.Write(append(text, '\n'))
	return err == nil
}

// console makes the connection a node's serial console until either side ends it.
func (c *session) console(args json.RawMessage) {
	var a consoleArgs
	if err := json.Unmarshal(args, &a); err != nil {
		c.answer(nil, err)
		return
	}
	console, err := c.cluster.Console(a.Node)
	if !c.answer(none{}, err) || err != nil {
		return
	}
	view := console.View(console.LastLines(a.Lines))
	ctx, cancel := context.WithCancel(context.Background())
	var typing sync.WaitGroup
	typing.Go(func() {
		defer cancel()
		buf := make([]byte, 4096)
		for {
			n, err := c.in.Read(buf)
			if err != nil {
				return
			}
			// What is typed while no machine runs is lost, as on any machine.
			console.Write(buf[:n])
		}
	})
	for {
		text, err := view.Next(ctx)
		if err != nil {
			break
		}
		if _, err := c.conn.Write(text); err != nil {
			break
		}
	}
	c.conn.Close()
	typing.Wait()
}
