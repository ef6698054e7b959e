package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"motile/qemu/machine"
)

// What scripts/linux and make put together, where Debian's kernel is to be had. The
// archive has the web server, too (http.go).
const (
	linuxKernel  = "build/linux/vmlinuz"
	linuxArchive = "build/linux-guest.cpio"
)

// linux is two Linux machines on the bridge of a cluster, which exchange frames
// through packet sockets. They have the CPU of a node, and the network card of one
// on q35, with an interrupt of its own. They are halted while something else is
// measured.
type linux struct {
	ping, echo *linuxMachine
}

type linuxMachine struct {
	*machine.Process
	view *machine.View
}

// Beyond the numbers of nodes in use, for the hardware address.
const pingNode, echoNode = 401, 402

// startLinux returns nil where there is no Linux to be had.
func startLinux(ctx context.Context, b *bed) (*linux, error) {
	if !haveLinux() {
		return nil, nil
	}
	l := new(linux)
	for _, m := range []struct {
		at   **linuxMachine
		node int
		role string
	}{{&l.echo, echoNode, "role=echo"}, {&l.ping, pingNode, "role=ping peer=" + machine.MAC(echoNode, 0)}} {
		var err error
		s := machine.Spec{Node: m.node, NICs: []machine.NIC{{Socket: b.Status.Hosts, Virtio: machine.Modern}}}
		if *m.at, err = b.startLinuxMachine(ctx, s, m.role); err != nil {
			l.stop()
			return nil, err
		}
	}
	return l, l.each(func(m *linuxMachine) error { return m.QMP().Stop(ctx) })
}

func haveLinux() bool {
	for _, f := range []string{linuxKernel, linuxArchive} {
		if _, err := os.Stat(f); errors.Is(err, os.ErrNotExist) {
			return false
		}
	}
	return true
}

func (l *linux) each(do func(*linuxMachine) error) error {
	return errors.Join(do(l.echo), do(l.ping))
}

// startLinuxMachine adds what all have to a machine that has its network cards.
func (b *bed) startLinuxMachine(ctx context.Context, s machine.Spec, words string) (*linuxMachine, error) {
	console := machine.NewConsole()
	path := func(what string) string { return filepath.Join(string(b.Dir), fmt.Sprintf("l%d.%s", s.Node, what)) }
	s.Type, s.Kernel, s.Initrd = machine.Q35, linuxKernel, linuxArchive
	// The time stamp counter is QEMU's, and right; what guards against flaws of real CPUs
	// would only make Linux slower.
	s.Append = "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off " + words
	s.ConsoleSocket, s.ConsoleLog, s.QMPSocket = path("console"), path("log"), path("qmp")
	p, err := machine.Start(ctx, s, console)
	if err != nil {
		return nil, err
	}
	m := &linuxMachine{p, console.View(0)}
	if _, err := m.find(ctx, "linuxecho: ready"); err != nil {
		m.stop()
		return nil, fmt.Errorf("the Linux guest did not start: %w\n%s", err, strings.Join(console.Tail(20), "\n"))
	}
	return m, nil
}

// find waits until the machine prints something, or ends.
func (m *linuxMachine) find(ctx context.Context, expression string) ([]string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-m.Done():
			cancel(errors.New("the machine ended"))
		case <-ctx.Done():
		}
	}()
	found, err := m.view.Find(ctx, regexp.MustCompile(expression))
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return found, err
}

func (m *linuxMachine) stop() {
	if m != nil {
		m.Kill()
		m.Wait()
	}
}

func (l *linux) stop() {
	if l != nil {
		l.ping.stop()
		l.echo.stop()
	}
}

// warmUp is how many exchanges come before those that count.
const warmUp = 20

// exchange has so many frames go there and back, after some that do not count, and
// returns how long each took.
func (l *linux) exchange(ctx context.Context, frames int) (s sample, err error) {
	if err := l.each(func(m *linuxMachine) error { return m.QMP().Cont(ctx) }); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, l.each(func(m *linuxMachine) error { return m.QMP().Stop(ctx) }))
	}()
	if _, err := l.pings(ctx, warmUp); err != nil {
		return nil, err
	}
	return l.pings(ctx, frames)
}

func (l *linux) pings(ctx context.Context, frames int) (s sample, err error) {
	if _, err := fmt.Fprintf(l.ping.Console(), "%d\n", frames); err != nil {
		return nil, err
	}
	found, err := l.ping.find(ctx, `begin\r?\n((?:\d+\r?\n)*)end`)
	if err != nil {
		return nil, err
	}
	for field := range strings.FieldsSeq(found[1]) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, err
		}
		s = append(s, v)
	}
	if len(s) != frames {
		return nil, fmt.Errorf("the Linux guests: %d of %d frames came back", len(s), frames)
	}
	return s, nil
}
