package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// startTimeout is what QEMU has to come up, before the guest runs at all. It
// takes 50 ms on an idle host.
const startTimeout = 20 * time.Second

// Process is a running QEMU. Its console is written to the log file by QEMU
// itself, so that a panic is on disk before the machine ends, whatever we do.
type Process struct {
	Spec    Spec
	Started time.Time
	Args    []string // the command line, without the program

	console *Console
	qmp     *QMP
	cmd     *exec.Cmd
	stderr  tailWriter

	killed  atomic.Bool   // by us
	settled chan struct{} // closed when connect has ended
	reading chan struct{} // closed when the console is read to its end
	ended   chan struct{} // closed when QEMU has ended
	done    chan struct{} // closed after all three, and exit is valid
	exit    Exit
}

// Start runs a machine. When it returns, the guest runs, unless the Spec says
// Halt, and everything that it prints is seen on the console.
func Start(ctx context.Context, spec Spec, console *Console) (*Process, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	program, err := Find(spec.QEMU)
	if err != nil {
		return nil, err
	}
	spec = spec.withDefaults()
	p := &Process{
		Spec: spec, Started: time.Now(), console: console,
		settled: make(chan struct{}), reading: make(chan struct{}),
		ended: make(chan struct{}), done: make(chan struct{}),
	}
	p.Args = spec.Args(p.Started)
	p.removeSockets() // of a QEMU that was killed together with its parent
	if err := p.launch(program); err != nil {
		return nil, fmt.Errorf("node %d: %w", spec.Node, err)
	}
	err = p.connect(ctx)
	close(p.settled)
	if err == nil && !spec.Halt {
		err = p.release(ctx)
	}
	if err != nil {
		p.Kill()
		<-p.done
		if p.exit.QEMU != "" {
			err = errors.New(p.exit.QEMU)
		}
		return nil, fmt.Errorf("node %d: QEMU did not start: %w\ncommand: %s", spec.Node, err, CommandLine(program, p.Args))
	}
	return p, nil
}

// launch starts QEMU and the goroutine that waits for its end.
//
// QEMU must die with us. The kernel promises that for the parent *thread*, so
// that goroutine starts QEMU and keeps its thread until QEMU has ended.
func (p *Process) launch(program string) error {
	p.cmd = exec.Command(program, p.Args...)
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // an interrupt typed at our terminal is for us alone
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.await()
		}
	}()
	return <-started
}

// await waits for QEMU's end and says how it was.
func (p *Process) await() {
	p.cmd.Wait() // its error is in ProcessState
	close(p.ended)
	<-p.settled
	if p.qmp != nil {
		p.qmp.Close()
	}
	<-p.reading
	p.exit = exitOf(p.cmd, p.stderr.String(), p.console.Tail(tailLines))
	p.exit.Killed = p.killed.Load() && p.exit.Signal != ""
	p.removeSockets()
	close(p.done)
}

func (p *Process) removeSockets() {
	for _, path := range []string{p.Spec.ConsoleSocket, p.Spec.QMPSocket, p.Spec.GDBSocket, p.Spec.Incoming} {
		if path != "" {
			os.Remove(path)
		}
	}
}

// connect attaches console and control socket.
func (p *Process) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	console, err := p.dial(ctx, p.Spec.ConsoleSocket)
	if err != nil {
		close(p.reading)
		return err
	}
	go func() {
		defer close(p.reading)
		p.console.serve(console)
	}()
	control, err := p.dial(ctx, p.Spec.QMPSocket)
	if err != nil {
		return err
	}
	p.qmp, err = NewQMP(ctx, control)
	return err
}

// release lets the guest run. A guest may be so quick to end that QEMU does
// not get to say that it has released it; that is the guest's affair, and Wait
// tells of it.
func (p *Process) release(ctx context.Context) error {
	err := p.qmp.Cont(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-p.done:
		if p.exit.QEMU == "" && p.exit.Signal == "" {
			return nil
		}
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	return err
}

// dial connects to a socket as soon as QEMU listens on it.
func (p *Process) dial(ctx context.Context, path string) (net.Conn, error) {
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn, nil
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-p.ended:
			return nil, errors.New("it ended at once")
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// PID is QEMU's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Console is what Start was given.
func (p *Process) Console() *Console { return p.console }

// QMP controls the machine.
func (p *Process) QMP() *QMP { return p.qmp }

// Kill cuts the machine's power. It does not wait.
func (p *Process) Kill() {
	p.killed.Store(true)
	p.cmd.Process.Kill() // after Wait it does nothing: no other process can be hit
}

// Done is closed when the machine has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the machine's end.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// tailWriter keeps the end of what is written to it.
type tailWriter struct {
	mu  sync.Mutex
	buf []byte
}

const stderrBytes = 4 << 10

func (w *tailWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	w.buf = w.buf[max(0, len(w.buf)-stderrBytes):]
	return len(p), nil
}

func (w *tailWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(bytes.ToValidUTF8(w.buf, nil))
}
