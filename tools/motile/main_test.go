package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"motile/qemu/bridge"
	"motile/qemu/bridge/pcapng"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/machine/machinetest"
)

// TestMain is also the daemon that up starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "daemon" {
		// Not even a test that is killed leaves its daemon behind.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
			os.Exit(1)
		}
		main()
	}
	os.Exit(m.Run())
}

// result of a command.
type result struct {
	status   int
	out, err string
}

// motile runs a command with nothing to read.
func motile(t *testing.T, args ...string) result {
	t.Helper()
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	return motileWith(t, t.Context(), in, args...)
}

func motileWith(t *testing.T, ctx context.Context, in *os.File, args ...string) result {
	t.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(t.TempDir(), "out")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	r := result{status: run(ctx, args, terminal{in, files[0], files[1]})}
	for i, text := range []*string{&r.out, &r.err} {
		b, err := os.ReadFile(files[i].Name())
		if err != nil {
			t.Fatal(err)
		}
		*text = string(b)
	}
	return r
}

func ok(t *testing.T, r result) result {
	t.Helper()
	if r.status != 0 {
		t.Fatalf("status %d\n%s%s", r.status, r.out, r.err)
	}
	return r
}

// upDir starts a cluster of small machines and stops it at the test's end.
func upDir(t *testing.T, args ...string) (dir string) {
	t.Helper()
	if _, err := machine.Find(""); errors.Is(err, machine.ErrNoQEMU) {
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "mc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	kernel := filepath.Join(dir, "kernel.elf")
	if err := machinetest.WriteKernel(kernel); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := cluster.Down(context.Background(), cluster.Dir(dir)); err != nil {
			t.Error(err)
		}
	})
	ok(t, motile(t, append([]string{"--dir", dir, "up", "--kernel", kernel, "-m", "32"}, args...)...))
	return dir
}

func TestUpToDown(t *testing.T) {
	dir := upDir(t, "-n", "2", "--machine", "microvm,pc")
	at := func(args ...string) result { t.Helper(); return motile(t, append([]string{"--dir", dir}, args...)...) }

	var nodes []cluster.NodeInfo
	if err := json.Unmarshal([]byte(ok(t, at("nodes", "--json")).out), &nodes); err != nil {
		t.Fatal(err)
	}
	if len(nodes) != 2 || nodes[1].Spec.Machine != machine.PC || nodes[1].State != cluster.Running || nodes[0].Spec.MemMB != 32 {
		t.Fatalf("%+v", nodes)
	}
	if r := at("up"); r.status == 0 || !strings.Contains(r.err, "no kernel") {
		t.Fatalf("%+v", r)
	}
	kernel := filepath.Join(dir, "kernel.elf")
	if r := at("up", "--kernel", kernel); r.status != exitFailure || !strings.Contains(r.err, "already runs in "+dir) {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("node", "kill", "1")); !strings.Contains(r.out, "off (power cut)") {
		t.Fatalf("%+v", r)
	}
	if r := at("node", "kill", "1"); r.status != exitFailure || !strings.Contains(r.err, "motile node restart 1") {
		t.Fatalf("%+v", r)
	}
	ok(t, at("node", "restart", "1"))
	if r := ok(t, at("node", "add", "--machine", "q35", "-m", "32")); !strings.Contains(r.out, "q35") {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("nodes")); strings.Count(r.out, "running") != 3 || !strings.HasPrefix(r.out, "NODE ") {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("down")); r.out+r.err != "" {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("down")); !strings.Contains(r.err, "no cluster was running") {
		t.Fatalf("%+v", r)
	}
	if r := at("nodes"); r.status != exitFailure || !strings.Contains(r.err, "motile --dir "+dir+" up") {
		t.Fatalf("%+v", r)
	}
}

func TestBridge(t *testing.T) {
	dir := upDir(t, "-n", "1")
	at := func(args ...string) result {
		t.Helper()
		return motile(t, append([]string{"--dir", dir, "bridge"}, args...)...)
	}
	if r := ok(t, at()); !strings.HasPrefix(r.out, "no faults\nPORT ") || !strings.Contains(r.out, "\nn1  ") {
		t.Fatalf("%+v", r)
	}
	r := ok(t, at("--loss", "5%", "--delay", "20ms", "--rate", "1.5M", "--partition", "1/host", "--seed", "9"))
	if want := "--loss 0.05 --delay 20ms --rate 1.5M --partition 1/host --seed 9\n"; r.out != want {
		t.Fatalf("%q, want %q", r.out, want)
	}
	if r := ok(t, at("--loss", "0", "--partition=", "--rate", "0")); r.out != "--delay 20ms --seed 9\n" {
		t.Fatalf("%+v", r)
	}
	var s bridge.Stats
	if err := json.Unmarshal([]byte(ok(t, at("--json")).out), &s); err != nil || s.Faults.Delay != 20*time.Millisecond {
		t.Fatalf("%+v, %v", s, err)
	}
	if r := ok(t, at("--heal")); r.out != "no faults\n" {
		t.Fatalf("%+v", r)
	}
	if r := at("--loss", "1.5"); r.status != exitFailure || !strings.Contains(r.err, "from 0 to 1") {
		t.Fatalf("%+v", r)
	}
	if r := at("--loss", "often"); r.status != exitUsage || !strings.Contains(r.err, "0.05 or 5%") {
		t.Fatalf("%+v", r)
	}
}

func TestCapture(t *testing.T) {
	dir := upDir(t, "-n", "1")
	t.Chdir(dir) // file names are ours, not the daemon's
	file := filepath.Join(dir, "c.pcapng")
	r := ok(t, motile(t, "--dir", ".", "capture", "-o", "c.pcapng", "--for", "50ms"))
	if !strings.Contains(r.out, file+": 0 frames") || !strings.Contains(r.err, "recording into "+file) {
		t.Fatalf("%+v", r)
	}
	ok(t, motile(t, "--dir", ".", "capture", "-o", "c.pcapng", "-d"))
	if r := motile(t, "--dir", ".", "capture", "-o", "d.pcapng", "-d"); r.status == 0 || !strings.Contains(r.err, file) {
		t.Fatalf("%+v", r)
	}
	host, err := bridge.Dial(filepath.Join(dir, "sock", "hosts"))
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Send(make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(ok(t, motile(t, "--dir", ".", "bridge")).out, "1 frames, 0 missed") {
		time.Sleep(10 * time.Millisecond)
	}
	if r := ok(t, motile(t, "--dir", ".", "capture", "--stop")); !strings.Contains(r.out, "1 frames, 60 bytes") {
		t.Fatalf("%+v", r)
	}
	in, err := pcapng.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if p, err := in.Next(); err != nil || len(p.Frame) != 60 {
		t.Fatalf("%+v, %v", p, err)
	}
	if r := motile(t, "--dir", ".", "capture"); r.status != exitUsage {
		t.Fatalf("%+v", r)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if r := ok(t, motileWith(t, interrupted, os.Stdin, "--dir", ".", "capture", "-o", "c.pcapng")); !strings.Contains(r.out, "0 frames") {
		t.Fatalf("%+v", r)
	}
}

// pty is a terminal for a command to run in: what is written to outside is
// typed, what is read from it is on the screen.
func pty(t *testing.T) (outside, inside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { outside.Close() })
	fd := int(outside.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	return outside, inside
}

func TestConsole_InATerminal(t *testing.T) {
	dir := upDir(t, "-n", "1")
	outside, inside := pty(t)
	status := make(chan int)
	go func() {
		status <- run(t.Context(), []string{"--dir", dir, "console", "1"}, terminal{inside, inside, inside})
	}()
	var screen strings.Builder
	see := func(want string) {
		t.Helper()
		buf := make([]byte, 1024)
		outside.SetReadDeadline(time.Now().Add(20 * time.Second))
		for !strings.Contains(screen.String(), want) {
			n, err := outside.Read(buf)
			if err != nil {
				t.Fatalf("%v; waiting for %q; the screen shows %q", err, want, screen.String())
			}
			screen.Write(buf[:n])
		}
		screen.Reset()
	}
	see("motile: node 1 ready")
	io.WriteString(outside, "ab\x03") // ^C is the node's
	see("ab\x03")
	io.WriteString(outside, "\x1d?")
	see("^] N   send the foreground job")
	io.WriteString(outside, "\x1d\x1d")
	see("\x1d")
	io.WriteString(outside, "\x1d2")
	see("not built yet")
	io.WriteString(outside, "\x1dx")
	see("no command")
	io.WriteString(outside, "\x1dq")
	if s := <-status; s != 0 {
		t.Fatalf("status %d", s)
	}
	// The terminal is as it was: it echoes, and lines end in both characters.
	termios, err := unix.IoctlGetTermios(int(inside.Fd()), unix.TCGETS)
	if err != nil || termios.Lflag&unix.ECHO == 0 {
		t.Fatalf("%+v, %v", termios, err)
	}
}

func TestConsole_ClusterGoesDown(t *testing.T) {
	dir := upDir(t, "-n", "1")
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer w.Close()
	time.AfterFunc(200*time.Millisecond, func() { cluster.Down(context.Background(), cluster.Dir(dir)) })
	r := motileWith(t, t.Context(), in, "--dir", dir, "console", "1")
	if r.status != exitFailure || !strings.Contains(r.out, "node 1 ready") || !strings.Contains(r.err, "went down") {
		t.Fatalf("%+v", r)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		err    string
	}{
		{[]string{"fly"}, exitUsage, "fly"},
		{[]string{"node", "kill", "x"}, exitUsage, "x"},
		{[]string{"ps"}, exitFailure, "ps is not built yet"},
		{[]string{"sh", "1", "ls"}, exitFailure, "not built yet"},
		{[]string{"run", "--node", "2", "-d", "prog", "-x", "y"}, exitFailure, "not built yet"},
		{[]string{"logs", "-f", "1000001"}, exitFailure, "not built yet"},
		{[]string{"wait", "1000001"}, exitFailure, "not built yet"},
		{[]string{"kill", "-s", "KILL", "1000001"}, exitFailure, "not built yet"},
		{[]string{"migrate", "--strategy", "precopy", "1000001", "2"}, exitFailure, "not built yet"},
		{[]string{"drain", "2"}, exitFailure, "not built yet"},
		{[]string{"resolve", "1000001", "discard"}, exitFailure, "not built yet"},
		{[]string{"resolve", "1000001", "maybe"}, exitUsage, "discard"},
		{[]string{"cap", "1000001", "--rights", "m"}, exitFailure, "not built yet"},
		{[]string{"up", "-n", "100"}, exitFailure, "0 to 64"},
		{[]string{"up", "--machine", "virt", "--kernel", "/dev/null"}, exitFailure, "microvm, pc, q35"},
		{[]string{"daemon"}, exitFailure, "motile up"},
	} {
		if r := motile(t, append([]string{"--dir", t.TempDir()}, c.args...)...); r.status != c.status || !strings.Contains(r.err, c.err) {
			t.Errorf("%q: %+v", c.args, r)
		}
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct {
		typed []string
		want  string // sent, with commands in angle brackets
	}{
		{[]string{"ls\r"}, "ls\r"},
		{[]string{"a\x1dqb"}, "a<q>b"},
		{[]string{"a\x1d", "?b"}, "a<?>b"},
		{[]string{"\x1d\x1dq"}, "\x1dq"},
		{[]string{"\x1d1\x1d2x"}, "<1><2>x"},
	} {
		var e escape
		var got strings.Builder
		for _, typed := range c.typed {
			for rest := []byte(typed); len(rest) > 0; {
				send, key, more := e.feed(rest)
				got.Write(send)
				if key != 0 {
					fmt.Fprintf(&got, "<%c>", key)
				}
				rest = more
			}
		}
		if got.String() != c.want {
			t.Errorf("%q: %q, want %q", c.typed, got.String(), c.want)
		}
	}
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string]probability{"0.05": 0.05, "5%": 0.05, "1": 1, "0": 0} {
		var p probability
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	for text, want := range map[string]bitrate{"0": 0, "9600": 9600, "64k": 64e3, "10M": 10e6, "1.5G": 1500e6} {
		var r bitrate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %v, %v", text, r, err)
		}
		var again bitrate
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%s is printed as %s", text, r)
		}
	}
	for _, text := range []string{"", "x", "5 %", "%"} {
		if new(probability).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a probability", text)
		}
	}
	for _, text := range []string{"", "10X", "-1", "1e30"} {
		if new(bitrate).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a rate", text)
		}
	}
}

func TestProgress_SpeaksOnlyAfterAWhile(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, "waiting")
	p.say("node 1")
	if out.Len() > 0 {
		t.Fatal(out.String())
	}
	p.beat()
	p.say("node 2")
	p.end()
	p.say("node 3")
	p.beat()
	if got := out.String(); !strings.HasPrefix(got, "motile: node 1 (") || strings.Count(got, "\n") != 2 {
		t.Fatalf("%q", got)
	}
}
