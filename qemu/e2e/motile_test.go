package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/harness"
	"motile/qemu/harness/pty"
	"motile/qemu/machine"
)

// motileCluster is a cluster as people have one: by bin/motile, in a folder.
type motileCluster struct {
	t   *testing.T
	ctx context.Context // ends at the test's deadline
	bin string
	dir string
}

// motileDeadline bounds a test of the command line.
const motileDeadline = 3 * time.Minute

// newMotile prepares a folder for a cluster of so many nodes. At the test's end the
// cluster is stopped, however the test ends, and must leave nothing behind.
func newMotile(t *testing.T, nodes int) *motileCluster {
	t.Helper()
	return newMotileFor(t, nodes, motileDeadline)
}

// newMotileFor is newMotile for a test with a deadline of its own.
func newMotileFor(t *testing.T, nodes int, deadline time.Duration) *motileCluster {
	t.Helper()
	if _, err := machine.Find(""); errors.Is(err, machine.ErrNoQEMU) {
		t.Skip(err)
	}
	harness.Built(t)
	bin := filepath.Join(harness.Top(t), "bin/motile")
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("%v: run make all guests first", err)
	}
	harness.Claim(t, nodes)
	dir, err := os.MkdirTemp("", "mo")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), deadline, fmt.Errorf("the test's deadline, %v, has passed", deadline))
	c := &motileCluster{t: t, ctx: ctx, bin: bin, dir: filepath.Join(dir, "c")}
	stop := c.guard()
	t.Cleanup(func() {
		if context.Cause(ctx) != nil && t.Context().Err() == nil {
			t.Error(context.Cause(ctx))
		}
		cancel()
		if t.Failed() {
			c.report()
		}
		stop()
		c.leavesNothing()
		os.RemoveAll(dir)
	})
	return c
}

// guard starts a process that stops the cluster when it is told to, or when we are
// gone: a test that is killed leaves no QEMU behind.
func (c *motileCluster) guard() (stop func()) {
	guard := exec.Command("/bin/sh", "-c", `cat; exec "$0" --dir "$1" down`, c.bin, c.dir)
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var said bytes.Buffer
	guard.Stdout, guard.Stderr = &said, &said
	in, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return func() {
		in.Close()
		if err := guard.Wait(); err != nil {
			c.t.Errorf("motile down: %v\n%s", err, &said)
		}
	}
}

// report prints what somebody who looks for a failure wants to see.
func (c *motileCluster) report() {
	logs, _ := filepath.Glob(filepath.Join(c.dir, "*.log"))
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		c.t.Logf("%s ends with", filepath.Base(name))
		for _, line := range lines[max(0, len(lines)-20):] {
			c.t.Logf("  %.200s", line)
		}
	}
}

// leavesNothing checks that no process is left that knows the folder, and no socket.
func (c *motileCluster) leavesNothing() {
	c.t.Helper()
	if found := processesThatName(c.dir + "/"); len(found) > 0 {
		c.t.Errorf("left behind: %q", found)
	}
	for _, name := range []string{"sock", "state.json", "initrd.cpio"} {
		if _, err := os.Lstat(filepath.Join(c.dir, name)); err == nil {
			c.t.Errorf("left behind: %s", name)
		}
	}
}

// processesThatName lists the command lines of processes in which a text occurs: a
// QEMU's names its sockets.
func processesThatName(text string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range files {
		line, _ := os.ReadFile(name)
		if bytes.Contains(line, []byte(text)) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// motileResult is how a command ended.
type motileResult struct {
	status   int
	out, err string
}

// command is bin/motile with arguments, about our folder.
func (c *motileCluster) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.ctx, c.bin, append([]string{"--dir", c.dir}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// motile runs a command with an input.
func (c *motileCluster) motile(in io.Reader, args ...string) motileResult {
	c.t.Helper()
	cmd := c.command(args...)
	var out, err bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &err
	c.ends(cmd.Run(), args)
	return motileResult{cmd.ProcessState.ExitCode(), out.String(), err.String()}
}

// atOnce runs commands beside each other.
func (c *motileCluster) atOnce(commands ...[]string) []motileResult {
	c.t.Helper()
	out, err := make([]bytes.Buffer, len(commands)), make([]bytes.Buffer, len(commands))
	var running []*exec.Cmd
	for i, args := range commands {
		cmd := c.command(args...)
		cmd.Stdout, cmd.Stderr = &out[i], &err[i]
		if err := cmd.Start(); err != nil {
			c.t.Fatal(err)
		}
		running = append(running, cmd)
	}
	results := make([]motileResult, len(commands))
	for i, cmd := range running {
		c.ends(cmd.Wait(), commands[i])
		results[i] = motileResult{cmd.ProcessState.ExitCode(), out[i].String(), err[i].String()}
	}
	return results
}

// ends checks that a command has ended by itself.
func (c *motileCluster) ends(err error, args []string) {
	c.t.Helper()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		c.t.Fatalf("motile %q: %v (%v)", args, err, context.Cause(c.ctx))
	}
}

// ok is the output of a command that succeeds.
func (c *motileCluster) ok(args ...string) string {
	c.t.Helper()
	r := c.motile(nil, args...)
	if r.status != 0 {
		c.t.Fatalf("motile %q: exit status %d\n%s%s", args, r.status, r.out, r.err)
	}
	return r.out
}

// says runs a command that succeeds and must print some words.
func (c *motileCluster) says(words []string, args ...string) string {
	c.t.Helper()
	out := c.ok(args...)
	for _, w := range words {
		if !strings.Contains(out, w) {
			c.t.Fatalf("motile %q does not say %q:\n%s", args, w, out)
		}
	}
	return out
}

// fails runs a command that must fail with exit status 1, print nothing, and say
// what is wrong.
func (c *motileCluster) fails(why string, args ...string) {
	c.t.Helper()
	c.refused(c.motile(nil, args...), why, args...)
}

// refused checks that a command has failed so.
func (c *motileCluster) refused(r motileResult, why string, args ...string) {
	c.t.Helper()
	if r.status != 1 || r.out != "" || !strings.Contains(r.err, why) {
		c.t.Fatalf("motile %q should fail for %q: exit status %d\n%s%s", args, why, r.status, r.out, r.err)
	}
}

// facts decodes what a command prints with --json.
func facts[T any](c *motileCluster, args ...string) (v T) {
	c.t.Helper()
	words := 1 // of the command; what follows may not be for it
	if args[0] == "node" {
		words = 2
	}
	out := c.ok(slices.Insert(slices.Clone(args), words, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		c.t.Fatalf("motile %q --json: %v\n%s", args, err, out)
	}
	return v
}

// psFacts is a process as motile ps --json has it.
type psFacts struct {
	PID           int32          `json:"pid"`
	PGID          int32          `json:"pgid"`
	Node          int            `json:"node"`
	Trail         []int          `json:"trail"`
	Threads       int            `json:"threads"`
	SizeKB        int            `json:"size_kb"`
	State         string         `json:"state"`
	CPUms         *int64         `json:"cpu_ms"`
	Moves         int            `json:"moves"`
	Command       string         `json:"command"`
	Unimplemented map[string]int `json:"unimplemented"`
	Stun          string         `json:"stun"`
}

// process is what ps says about one; it fails the test if there is none.
func (c *motileCluster) process(pid int32) psFacts {
	c.t.Helper()
	for _, p := range facts[[]psFacts](c, "ps", "-a") {
		if p.PID == pid {
			return p
		}
	}
	c.t.Fatalf("ps does not show process %d:\n%s", pid, c.ok("ps", "-a"))
	return psFacts{}
}

// start runs a program detached and returns its pid.
func (c *motileCluster) start(node int, file string, args ...string) int32 {
	c.t.Helper()
	out := c.ok(append([]string{"run", "-d", "--node", strconv.Itoa(node), file}, args...)...)
	return parsePID(c.t, out)
}

func parsePID(t *testing.T, text string) int32 {
	t.Helper()
	pid, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(pid)
}

// guest is a test program on the host.
func (c *motileCluster) guest(name string) string {
	return filepath.Join(harness.Top(c.t), "build/test", name)
}

// await waits until something holds that can only be asked for.
func (c *motileCluster) await(what string, holds func() bool) {
	c.t.Helper()
	for !holds() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-c.ctx.Done():
			c.t.Fatalf("%s: %v", what, context.Cause(c.ctx))
		}
	}
}

// person is somebody at a terminal in which a command of ours runs.
type person struct {
	*pty.Person
	c     *motileCluster
	cmd   *exec.Cmd
	ended chan struct{}
}

// at sits somebody down at a terminal, before a command.
func (c *motileCluster) at(args ...string) *person {
	c.t.Helper()
	p := &person{pty.New(c.t), c, c.command(args...), make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TERM=dumb")
	if err := p.Start(p.cmd); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	c.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// exit waits for the command's end and returns its exit status; -1: by a signal.
func (p *person) exit() int {
	p.c.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-p.c.ctx.Done():
		p.c.t.Fatalf("%q does not end; on the screen is\n%q", p.cmd.Args, p.Unseen())
		return 0
	}
}

// line types a line at a shell's prompt and returns what the command printed, up to
// the next prompt.
func (p *person) line(format string, args ...any) string {
	p.c.t.Helper()
	typed := fmt.Sprintf(format, args...)
	p.Type("%s\r", typed)
	echo := regexp.QuoteMeta(typed)
	for i := range typed { // when the window's size has changed, the line is drawn again
		echo += `|\rnode\d+# ` + regexp.QuoteMeta(typed[:i]) + `\x1b\[J` + regexp.QuoteMeta(typed[i:])
	}
	p.See(`(?:` + echo + `)\r\n`)
	return p.toPrompt()
}

// running types a command line that is to stay in the foreground, and waits until it
// is there: only then do keys reach it rather than the shell.
func (p *person) running(format string, args ...any) {
	p.c.t.Helper()
	p.Type("sh -c 'echo here it is; exec \"$@\"' sh %s\r", fmt.Sprintf(format, args...))
	p.See(`\nhere it is\r\n`)
}

// toPrompt waits for the next prompt and returns what is before it.
func (p *person) toPrompt() string {
	p.c.t.Helper()
	return strings.ReplaceAll(p.See(`((?s).*?)` + prompt)[1], "\r\n", "\n")
}

// prompt is the shell's, with what its line editor sends to learn where the cursor is.
const prompt = `node\d+# (?:\x1b\[6n)?`

// nodeFacts is a node as motile nodes --json has it.
type nodeFacts struct {
	cluster.NodeInfo
	Load *struct {
		Processes int   `json:"processes"`
		FreeKB    int   `json:"free_kb"`
		UptimeMs  int64 `json:"uptime_ms"`
	} `json:"load"`
}
