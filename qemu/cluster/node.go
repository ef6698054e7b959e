package cluster

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"motile/qemu/machine"
)

// node is one node over all its boots.
type node struct {
	cluster *Cluster
	number  int
	console *machine.Console

	turn  sync.Mutex // held while booting, which may take long
	ended bool       // boot no more; under turn

	mu   sync.Mutex
	info NodeInfo
	run  *run // nil while there is no machine
}

// Notes that we leave on a node's console, for who looks at it.
const (
	bootNote = "node %d: boot %d"
	endNote  = "node %d ended: %s"
)

// BootNote is a regular expression for the note on a node's console that it is
// booted again.
func BootNote(node, boot int) string {
	return regexp.QuoteMeta(fmt.Sprintf("["+bootNote+"]", node, boot)) + "\r\n"
}

// EndNote is one for the note that its machine has ended; its only group says
// how.
func EndNote(node int) string {
	return fmt.Sprintf(`\[node %d ended: ([^\r]*)\]\r\n`, node)
}

// run is one machine and who watches it.
type run struct {
	*machine.Process
	noted chan struct{} // closed when its end is in the node's record
}

func newNode(c *Cluster, number int, spec NodeSpec) (*node, error) {
	spec = spec.withDefaults(c.nets[0].Name)
	cards, err := c.cards(number, spec)
	if err != nil {
		return nil, err
	}
	n := &node{cluster: c, number: number, console: machine.NewConsole()}
	n.info = NodeInfo{
		Number:  number,
		State:   Off,
		Why:     "not booted yet",
		Spec:    spec,
		Cards:   cards,
		Log:     c.dir.ConsoleLog(number),
		Console: c.socks.node(number, "console"),
		QMP:     c.socks.node(number, "qmp"),
	}
	if spec.GDB {
		n.info.GDB = c.socks.node(number, "gdb")
	}
	if n.info.Disk, n.info.DiskNew, err = c.dir.makeDisk(number, spec.DiskMB); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *node) snapshot() NodeInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.info
}

func (n *node) running() *run {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.run
}

// change edits the node's record, and state.json.
func (n *node) change(edit func(*NodeInfo)) {
	n.mu.Lock()
	edit(&n.info)
	n.mu.Unlock()
	if err := n.cluster.save(); err != nil {
		n.cluster.conf.Log.Error("state not saved", "err", err)
	}
}

// boot starts the node's machine, cutting the power of one that runs, and
// waits until it answers. If it does not, its power is cut.
func (n *node) boot(ctx context.Context, progress func(string)) error {
	n.turn.Lock()
	defer n.turn.Unlock()
	if n.ended {
		return errGoingDown
	}
	ctx, release := n.cluster.bound(ctx)
	defer release()
	n.cut()
	say := func(format string, args ...any) {
		text := fmt.Sprintf("node %d: "+format, append([]any{n.number}, args...)...)
		n.cluster.conf.Log.Info(text)
		if progress != nil {
			progress(text)
		}
	}
	p, view, err := n.start(ctx)
	if err != nil {
		n.cluster.conf.Log.Error("not started", "err", err)
		n.change(func(i *NodeInfo) { i.State, i.Why = Failed, firstLine(err.Error()) })
		return err
	}
	if n.cluster.conf.BootTimeout < 0 || n.info.Spec.Halt {
		n.answered(0)
		return nil
	}
	say("booting (%s, %d MB)", n.info.Spec.Machine, n.info.Spec.MemMB)
	if err := n.awaitReady(ctx, p, view); err != nil {
		n.change(func(i *NodeInfo) { i.State, i.Why = Failed, firstLine(err.Error()) })
		n.cut()
		say("%s", firstLine(err.Error()))
		return fmt.Errorf("node %d: %w%s", n.number, err, quoteConsole(n.console, n.snapshot().Log))
	}
	took := time.Since(p.Started)
	n.answered(took)
	say("answers after %.2f s", took.Seconds())
	return nil
}

// answered records that the node is up, if it has not ended again.
func (n *node) answered(after time.Duration) {
	n.change(func(i *NodeInfo) {
		if i.State == Booting {
			i.State, i.BootMs = Running, after.Milliseconds()
		}
	})
}

// start starts a machine and the goroutine that watches it.
func (n *node) start(ctx context.Context) (*run, *machine.View, error) {
	n.mu.Lock()
	n.info.Boots++
	n.info.State, n.info.Why, n.info.Exit, n.info.BootMs = Booting, "", nil, 0
	n.info.Booted = time.Now()
	spec, boots := n.cluster.conf.machineSpec(n.cluster.socks, n.info), n.info.Boots
	n.mu.Unlock()
	if boots > 1 {
		n.console.Note(bootNote, n.number, boots)
	}
	view := n.console.View(n.console.End())
	p, err := machine.Start(ctx, spec, n.console)
	if err != nil {
		return nil, nil, err
	}
	r := &run{p, make(chan struct{})}
	n.mu.Lock()
	n.run = r
	n.mu.Unlock()
	id, err := identify(p.PID())
	if err != nil {
		id = identity{PID: p.PID()} // it has ended already; the watcher will say so
	}
	n.change(func(i *NodeInfo) { i.PID, i.Start = id.PID, id.Start })
	n.cluster.conf.Log.Info("started", "node", n.number, "boot", boots, "pid", p.PID(),
		"command", machine.CommandLine(spec.QEMU, p.Args))
	n.cluster.watchers.Go(func() { n.watch(r) })
	return r, view, nil
}

// watch records the end of a machine.
func (n *node) watch(p *run) {
	defer close(p.noted)
	exit := p.Wait()
	n.console.Note(endNote, n.number, exit)
	n.cluster.conf.Log.Info("ended", "node", n.number, "pid", p.PID(), "how", exit.String())
	n.mu.Lock()
	n.run = nil
	n.mu.Unlock()
	n.change(func(i *NodeInfo) {
		i.PID, i.Start, i.Exit = 0, 0, &exit
		if i.State == Failed {
			return // and Why says more
		}
		i.State, i.Why = Failed, exit.String()
		if exit.Clean() || exit.Killed {
			i.State = Off
		}
	})
}

// awaitReady waits until the node answers, ends, or has had its time.
func (n *node) awaitReady(ctx context.Context, p *run, view *machine.View) error {
	limit := n.cluster.conf.BootTimeout
	ctx, cancelTimeout := context.WithTimeoutCause(ctx, limit, fmt.Errorf("did not answer within %v", limit))
	defer cancelTimeout()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.Done():
			cancel(fmt.Errorf("%v while booting", p.Wait()))
		case <-stop:
		}
	}()
	info := n.snapshot()
	if err := n.cluster.awaitCards(ctx, info.Cards); err != nil {
		return err
	}
	err := n.cluster.conf.Ready(ctx, info, view)
	if h := n.cluster.host; err == nil && h != nil {
		err = h.awaitAnswer(ctx, n.number)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// kill cuts the power of a node that runs.
func (n *node) kill() error {
	if n.running() == nil {
		i := n.snapshot()
		return fmt.Errorf("node %d is not running (%s): boot it by “motile node restart %d”", n.number, i.Why, n.number)
	}
	n.cut()
	return nil
}

// cut cuts the power, if there is a machine, and returns when that is on record.
func (n *node) cut() {
	if p := n.running(); p != nil {
		p.Kill()
		<-p.noted
	}
}

// end cuts the power for good. Preconditions: a boot under way is being
// cancelled.
func (n *node) end() {
	n.turn.Lock()
	defer n.turn.Unlock()
	n.ended = true
	n.cut()
	n.console.Close()
}

// quoteConsole is a console's last lines, to be put behind an error.
func quoteConsole(c *machine.Console, log string) string {
	const lines = 12
	tail := c.Tail(lines)
	if len(tail) == 0 {
		return "\nits console is empty (" + log + ")"
	}
	return "\nits console's last lines (" + log + "):\n  " + strings.Join(tail, "\n  ")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
