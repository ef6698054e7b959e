package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/tools/flipnode/hostio"
)

// terminal is where people work on a node: a screen, and a shell. It is the host's,
// not the node's, so it outlives both the node and whoever looks at it. A shell
// that has moved away from a node goes on here when that node is switched off.
//
// When a shell ends, the next who comes gets a new one, on a new terminal under
// the same screen: what is left of the old session has no business with it.
type terminal struct {
	host   *host
	node   int
	screen *hostio.Screen

	turn sync.Mutex // held while a shell is started

	mu    sync.Mutex
	tty   *hostio.Terminal
	old   *hostio.Terminal // the one before, hung up
	shell *shell           // nil: none has been started
}

// shell is one session.
type shell struct {
	pid  int32
	over chan struct{} // closed when it has ended
	end  TerminalEnd   // valid from then on
}

// TerminalEnd says why a terminal has no shell any more.
type TerminalEnd struct {
	PID    int32  `json:"pid"`    // of the shell
	Status int    `json:"status"` // its exit status, as a shell sees it
	Lost   bool   `json:"lost"`   // nobody knows: its node is gone
	Text   string `json:"text"`   // in words
}

// TerminalInfo is what a terminal is doing.
type TerminalInfo struct {
	Node       int   `json:"node"`
	Shell      int32 `json:"shell"`      // pid; 0: none
	Session    int32 `json:"session"`    // whose controlling terminal it is
	Foreground int32 `json:"foreground"` // process group
}

// terminalOf returns a node's terminal, new if there was none.
func (h *host) terminalOf(node int) *terminal {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.terminals[node]
	if t == nil {
		t = &terminal{host: h, node: node, screen: hostio.NewScreen()}
		h.terminals[node] = t
	}
	return t
}

func (t *terminal) info() TerminalInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := TerminalInfo{Node: t.node}
	if t.shell != nil && !t.shell.ended() {
		i.Shell = t.shell.pid
		i.Session, i.Foreground = t.tty.Job()
	}
	return i
}

func (s *shell) ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// shellTimeout bounds the start of a shell.
const shellTimeout = 15 * time.Second

// open returns the terminal's shell, starting one if there is none.
func (t *terminal) open(size windowSize, term string) (*hostio.Terminal, *shell, error) {
	t.turn.Lock()
	defer t.turn.Unlock()
	t.mu.Lock()
	tty, sh := t.tty, t.shell
	t.mu.Unlock()
	if sh != nil && !sh.ended() {
		tty.Resize(size.Rows, size.Cols)
		return tty, sh, nil
	}
	ctx, cancel := context.WithTimeout(t.host.cluster.life, shellTimeout)
	defer cancel()
	return t.start(ctx, size, term)
}

// start starts a shell. Preconditions: it is our turn.
func (t *terminal) start(ctx context.Context, size windowSize, term string) (*hostio.Terminal, *shell, error) {
	h := t.host
	tty, err := hostio.NewTerminal(h.flip, t.screen, t.signal)
	if err != nil {
		return nil, nil, err
	}
	tty.Resize(size.Rows, size.Cols)
	pid, err := h.client.Node(t.node).Exec(ctx, loginShell(tty, t.node, term))
	if err != nil {
		tty.Close()
		return nil, nil, err
	}
	tty.Own(pid)
	sh := &shell{pid: pid, over: make(chan struct{})}
	t.mu.Lock()
	if t.old != nil {
		t.old.Close()
	}
	t.old, t.tty, t.shell = t.tty, tty, sh
	t.mu.Unlock()
	h.watchers.Go(func() { t.watch(tty, sh) })
	return tty, sh, nil
}

// loginShell asks for a login shell on a terminal.
func loginShell(tty *hostio.Terminal, node int, term string) *api.ExecRequest {
	const readWrite = 2
	addr := tty.Address()
	file := api.FileRef{Address: addr[:], Path: fmt.Sprintf("/dev/pts/%d", node), Flags: readWrite, Terminal: true}
	if term == "" {
		term = "linux"
	}
	return &api.ExecRequest{
		Path: "/bin/sh", Args: []string{"-sh"}, Cwd: "/root",
		Env:      []string{"HOME=/root", "USER=root", "SHELL=/bin/sh", "TERM=" + term, "PATH=/bbin:/bin"},
		Files:    []api.FileRef{file, file, file},
		Terminal: true, Detached: true,
	}
}

// signal sends a signal from a key to a process group, wherever its members are.
func (t *terminal) signal(pgid int32, signo int) {
	c := t.host.cluster
	t.host.client.SignalGroup(c.life, c.live(), pgid, signo)
}

// watch waits for the end of a shell, wherever that is by then.
func (t *terminal) watch(tty *hostio.Terminal, sh *shell) {
	life := t.host.cluster.life
	p := t.host.client.Process(sh.pid)
	status, err := p.Wait(life)
	sh.end = TerminalEnd{PID: sh.pid, Status: client.ExitStatus(status), Text: client.Ending(status)}
	if err != nil {
		sh.end = TerminalEnd{PID: sh.pid, Status: 1, Lost: true, Text: err.Error()}
	}
	tty.Hangup()
	if life.Err() == nil {
		_ = p.Destroy(life) // its end is known; one that is lost has nothing to forget
		t.screen.Print(fmt.Appendf(nil, "\r\n[shell %d: %s]\r\n", sh.pid, sh.end.Text))
	}
	close(sh.over)
}
