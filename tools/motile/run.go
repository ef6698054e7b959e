package main

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/cmd/operate"
	"motile/tools/flipnode/hostio"
)

type runCmd struct {
	facts
	Node   int    `help:"Number of the node (default: one that is idle)." placeholder:"N"`
	Detach bool   `short:"d" help:"Print the process's pid and return; its output is kept for motile logs."`
	Cwd    string `help:"Folder on the node that it starts in." default:"/root" placeholder:"DIR"`
	Shake  struct {
		Every string `name:"shake" help:"Move it to the next node after every Nth system call, and at random instructions: a test." placeholder:"N"`
		By    string `name:"shake-by" help:"What is done then: move; restore, which is to write it down and make it anew where it is; or both." placeholder:"move|restore|both"`
		Seed  string `name:"shake-seed" help:"Of the random instructions." placeholder:"N"`
	} `embed:""`
	Env  []string `short:"e" help:"Set a variable in its environment." placeholder:"NAME=VALUE" sep:"none"`
	File string   `arg:"" help:"A static Linux ELF file." type:"path"`
	Args []string `arg:"" optional:"" passthrough:"" help:"Its arguments."`
}

// Run runs a program.
//
// In a terminal the program gets one of its own, which shows here: ^C, ^Z and the
// like go to it from there, wherever it is, and ^] begins a command to us. Without
// one it is wired to our streams as sh is. If we are killed, so is the terminal,
// and the program gets SIGHUP.
func (cmd *runCmd) Run(ctx context.Context, c *common, t terminal) error {
	shake, err := (&operate.ShakeOptions{Every: cmd.Shake.Every, By: cmd.Shake.By, Seed: cmd.Shake.Seed}).Setting()
	if err != nil {
		return err
	}
	file, err := openProgram(cmd.File)
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := c.attach(ctx, t, false)
	if err != nil {
		return err
	}
	defer n.close()
	if cmd.Node == 0 {
		cmd.Node, err = n.Idlest(ctx)
	} else {
		err = n.checkNode(ctx, cmd.Node)
	}
	if err != nil {
		return err
	}
	q, err := cmd.send(ctx, n, file)
	if err != nil {
		return err
	}
	q.Shake = shake
	switch {
	case cmd.Detach:
		q.Files, q.Detached = client.LogFiles(), true
		pid, err := n.Client.Node(cmd.Node).Exec(ctx, q)
		switch {
		case err != nil:
			return err
		case cmd.JSON:
			return printJSON(t.out, operate.Started{PID: pid, Node: cmd.Node})
		}
		_, err = fmt.Fprintln(t.out, pid)
		return err
	case term.IsTerminal(int(t.in.Fd())) && term.IsTerminal(int(t.out.Fd())):
		return passOn(n.runTerminal(ctx, n.exec(cmd.Node, q), t))
	}
	return passOn(n.runStreams(ctx, n.exec(cmd.Node, q), t))
}

// openProgram opens a file and says what is wrong if no node could run it.
func openProgram(name string) (*os.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if err := checkProgram(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return file, nil
}

func checkProgram(file *os.File) error {
	f, err := elf.NewFile(file)
	if err != nil {
		return fmt.Errorf("not a program: want a static Linux program for x86-64 (%w)", err)
	}
	if f.Machine != elf.EM_X86_64 || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("a program for %v: want a static Linux program for x86-64", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("it is linked dynamically, and nodes have no libraries: link it with -static, or CGO_ENABLED=0 for Go")
		}
	}
	return nil
}

// send brings the program to the node, unless it is there, and returns what starts it.
func (cmd *runCmd) send(ctx context.Context, n *network, file *os.File) (*api.ExecRequest, error) {
	content, err := client.NewFile(file)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(cmd.File)
	p := operate.NewProgress(n.Err, fmt.Sprintf("sending %s (%s) to node %d", name, operate.Size(content.Size), cmd.Node))
	defer p.End()
	path := content.Place(name)
	if err := n.Client.Node(cmd.Node).PutFile(ctx, content, path); err != nil {
		return nil, err
	}
	return &api.ExecRequest{Path: path, Args: append([]string{name}, cmd.Args...), Env: append(guestEnv(), cmd.Env...), Cwd: cmd.Cwd}, nil
}

// runTerminal runs a process on a terminal of its own that shows on ours, and
// returns its exit status.
func (n *network) runTerminal(ctx context.Context, start starter, t terminal) (status int, err error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	screen := hostio.NewScreen()
	tty, err := hostio.NewTerminal(n.at.Flip, screen, func(pgid int32, signo int) { n.signalGroup(life, pgid, signo) })
	if err != nil {
		return 0, err
	}
	defer tty.Close()
	if cols, rows, err := term.GetSize(int(t.out.Fd())); err == nil {
		tty.Resize(uint16(rows), uint16(cols))
	}
	at := tty.Address()
	file := api.FileRef{Address: at[:], Path: "/dev/pts/0", Flags: readWrite, Terminal: true}
	pid, err := start(ctx, []api.FileRef{file, file, file}, true)
	if err != nil {
		return 0, err
	}
	tty.Own(pid)
	view := screen.View(0)
	defer view.Close()
	ended := make(chan ending, 1)
	go func() {
		ended <- <-n.wait(life, n.Client.Process(pid))
		screen.Close()
	}()
	a := &attachment{t: t, title: fmt.Sprintf("process %d", pid), network: n.borrow,
		remote:     &ownTerminal{tty, view, life},
		foreground: func(context.Context) (int32, error) { _, g := tty.Job(); return g, nil }}
	a.last = n.lastNode(ctx)
	if err := a.run(ctx); err == errLeft || ctx.Err() != nil {
		tty.Hangup()
		fmt.Fprintf(t.err, "motile: left process %d; it was sent SIGHUP\n", pid)
		n.await(ended)
		return 0, nil
	}
	e := <-ended
	return e.status, e.err
}

// hangupTimeout is how long a process that was hung up has before we go: signals
// are on their way until then.
const hangupTimeout = time.Second

// await gives a process that was hung up a moment to go.
func (n *network) await(ended <-chan ending) {
	select {
	case <-ended:
	case <-time.After(hangupTimeout):
	}
}

// ownTerminal is a terminal of this program, as an attachment sees it.
type ownTerminal struct {
	tty  *hostio.Terminal
	view *hostio.View
	life context.Context
}

func (o *ownTerminal) Next() ([]byte, error)          { return o.view.Next(o.life) }
func (o *ownTerminal) Type(p []byte) error            { o.tty.Type(p); return nil }
func (o *ownTerminal) Resize(rows, cols uint16) error { o.tty.Resize(rows, cols); return nil }
