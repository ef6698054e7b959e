package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/tools/peers/orders"
)

// What scripts/linux and make put together, where Debian's kernel is to be had.
const (
	linuxKernel  = "build/linux/vmlinuz"
	linuxConfig  = "build/linux/config"
	linuxArchive = "build/peers-guest.cpio"
)

// haveLinux says why there is none.
func haveLinux() error {
	for _, f := range []string{linuxKernel, linuxArchive} {
		if _, err := os.Stat(f); err != nil {
			return fmt.Errorf("%w (make bench-peers has said why)", err)
		}
	}
	return nil
}

// linuxVersion is what the kernel's configuration says it is.
func linuxVersion() string {
	text, err := os.ReadFile(linuxConfig)
	if m := regexp.MustCompile(`# (Linux/\S+ \S+) Kernel Configuration`).FindSubmatch(text); err == nil && m != nil {
		return string(m[1])
	}
	return "Linux of unknown version"
}

// guest is a Linux machine that takes orders.
type guest struct {
	*machine.Process
	view *machine.View
	addr string // IPv4
}

// guests are two on the bridge of a cluster. They are halted while something else is
// measured.
type guests struct {
	a, b *guest
}

// Beyond the numbers of nodes in use, for the hardware address.
const firstGuest = 401

// startGuests boots two, and halts them. The words are for linuxguest.
func startGuests(ctx context.Context, dir cluster.Dir, bridge string, mtu int, words string) (*guests, error) {
	g := new(guests)
	for i, at := range []**guest{&g.a, &g.b} {
		node := firstGuest + i
		nic := machine.NIC{Socket: bridge, MTU: mtu, Virtio: machine.Modern}
		var err error
		if *at, err = startGuest(ctx, dir, machine.Spec{Node: node, NICs: []machine.NIC{nic}, Append: words}); err != nil {
			g.stop()
			return nil, err
		}
	}
	return g, g.halt(ctx)
}

// startGuest returns when the guest takes orders.
func startGuest(ctx context.Context, dir cluster.Dir, s machine.Spec) (*guest, error) {
	say("a Linux guest boots")
	g, err := startMachine(ctx, dir, s, fmt.Sprintf("l%d", s.Node))
	if err != nil {
		return nil, err
	}
	if _, err := g.find(ctx, orders.Ready); err != nil {
		g.stop()
		return nil, fmt.Errorf("the Linux guest did not start: %w\n%s", err, strings.Join(g.Console().Tail(20), "\n"))
	}
	return g, nil
}

// startMachine adds what all have to a machine that has its network cards. Its sockets have
// the name in theirs.
func startMachine(ctx context.Context, dir cluster.Dir, s machine.Spec, name string) (*guest, error) {
	console := machine.NewConsole()
	path := func(what string) string { return filepath.Join(string(dir), name+"."+what) }
	addr := fmt.Sprintf("10.77.0.%d", s.Node-firstGuest+1)
	s.Type, s.Kernel, s.Initrd, s.MemMB = machine.Q35, linuxKernel, linuxArchive, memMB
	// The time stamp counter is QEMU's, and right; what guards against flaws of real CPUs
	// would only make Linux slower.
	s.Append = fmt.Sprintf("console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off addr=%s/24 mtu=%d %s", addr, s.NICs[0].MTU, s.Append)
	s.ConsoleSocket, s.ConsoleLog, s.QMPSocket = path("console"), path("log"), path("qmp")
	p, err := machine.Start(ctx, s, console)
	if err != nil {
		return nil, err
	}
	return &guest{Process: p, view: console.View(0), addr: addr}, nil
}

// find waits until the machine prints something, or ends.
func (g *guest) find(ctx context.Context, expression string) ([]string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-g.Done():
			cancel(errors.New("the machine ended"))
		case <-ctx.Done():
		}
	}()
	found, err := g.view.Find(ctx, regexp.MustCompile(expression))
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return found, err
}

// order has the guest do something.
func (g *guest) order(ctx context.Context, o orders.Order) (orders.Answer, error) {
	var a orders.Answer
	line, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	if _, err := g.Console().Write(append(line, '\n')); err != nil {
		return a, err
	}
	found, err := g.find(ctx, regexp.QuoteMeta(orders.Mark)+`([^\r\n]*)\r?\n`)
	if err != nil {
		return a, fmt.Errorf("the Linux guest, order %s: %w\n%s", line, err, strings.Join(g.Console().Tail(20), "\n"))
	}
	if err := json.Unmarshal([]byte(found[1]), &a); err != nil {
		return a, fmt.Errorf("the Linux guest, answer %q: %w", found[1], err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("the Linux guest, order %s: %s", line, a.Error)
	}
	return a, nil
}

func (g *guest) stop() {
	if g != nil {
		g.Kill()
		g.Wait()
	}
}

func (g *guests) halt(ctx context.Context) error {
	return errors.Join(g.a.QMP().Stop(ctx), g.b.QMP().Stop(ctx))
}

// awake has the guests run for as long as something takes.
func (g *guests) awake(ctx context.Context, do func() error) error {
	if err := errors.Join(g.a.QMP().Cont(ctx), g.b.QMP().Cont(ctx)); err != nil {
		return err
	}
	return errors.Join(do(), g.halt(ctx))
}

func (g *guests) stop() {
	if g != nil {
		g.a.stop()
		g.b.stop()
	}
}
