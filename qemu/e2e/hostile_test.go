package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/harness"
)

// Programs that break rules, files that are no programs, and a kernel that breaks.

// Every attempt on the list ends with the signal it has coming.
func TestHostile_AttemptsAreHeld(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{MemMB: 128, Deadline: 4 * time.Minute}) // a stack of 8 MB must fit
	out, status := l.run(1, 3*time.Minute, "/test/hostile")
	if !regexp.MustCompile(`(?m)^all \d+ held$`).MatchString(out) || status != 0 {
		t.Errorf("status %#x:\n%s", status, out)
	}
	l.answers(1)
}

// System calls that mean nothing, hundreds of thousands of them.
func TestHostile_GarbageCalls(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{MemMB: 96, Deadline: 4 * time.Minute})
	for _, seed := range []string{"1", "2"} {
		out, status := l.run(1, time.Minute, "/test/garbage", seed, "40", "3000")
		if !strings.Contains(out, "made their calls") || status != 0 {
			t.Errorf("seed %s: status %#x: %s", seed, status, out)
		}
	}
	l.answers(1)
}

// tinyELF is a static program that prints "ok" and exits with 7.
func tinyELF() []byte {
	const base, head, program = 0x400000, 64, 56
	code := []byte{
		0x48, 0x8d, 0x35, 0x1a, 0, 0, 0, // lea text(%rip), %rsi
		0xba, 3, 0, 0, 0, // mov $3, %edx
		0xbf, 1, 0, 0, 0, // mov $1, %edi
		0xb8, 1, 0, 0, 0, // mov $1, %eax: write
		0x0f, 0x05, // syscall
		0xb8, 60, 0, 0, 0, // mov $60, %eax: exit
		0xbf, 7, 0, 0, 0, // mov $7, %edi
		0x0f, 0x05, // syscall
	}
	text := len(code)
	binary.LittleEndian.PutUint32(code[3:], uint32(text-7))
	code = append(code, "ok\n"...)
	le := binary.LittleEndian
	size := uint64(head + program + len(code))
	b := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	b = le.AppendUint16(b, 2)    // ET_EXEC
	b = le.AppendUint16(b, 0x3e) // EM_X86_64
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, base+head+program)
	b = le.AppendUint64(b, head)
	b = le.AppendUint64(b, 0)
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{head, program, 1, 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1) // PT_LOAD
	b = le.AppendUint32(b, 5) // R X
	for _, v := range []uint64{0, base, base, size, size, 4096} {
		b = le.AppendUint64(b, v)
	}
	return append(b, code...)
}

// start sends a program to node 1 and starts it.
func (l *robustLab) start(content []byte) (*client.Process, error) {
	l.t.Helper()
	f, err := client.NewFile(bytes.NewReader(content))
	if err != nil {
		l.t.Fatal(err)
	}
	n, path := l.client.Node(1), f.Place("program")
	if err := n.PutFile(l.within(10*time.Second), f, path); err != nil {
		l.t.Fatalf("%v\n%x", err, content[:min(len(content), 200)])
	}
	pid, err := n.Exec(l.within(10*time.Second), &api.ExecRequest{Path: path, Args: []string{"program"}, Cwd: "/", Files: client.LogFiles(), Detached: true})
	if err != nil {
		return nil, err
	}
	return l.client.Process(pid), nil
}

func TestHostile_BadPrograms(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{MemMB: 96, Deadline: 3 * time.Minute})
	good := tinyELF()
	p, err := l.start(good)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := p.Wait(l.within(10 * time.Second)); err != nil || status != 7<<8 || l.log(p) != "ok\n" {
		t.Fatalf("the good one: status %#x, %v, %q", status, err, l.log(p))
	}

	edit := func(at int, with ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	foreign, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"text":                  []byte("this is no program\n"),
		"only the magic":        good[:4],
		"half a header":         good[:40],
		"no program headers":    good[:64],
		"half a program header": good[:100],
		"another machine":       edit(18, 0xb7), // AArch64
		"32 bits":               edit(4, 1),
		"big-endian":            edit(5, 2),
		"a core file":           edit(16, 4),
		"an object file":        edit(16, 1),
		"headers far away":      edit(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"headers of odd size":   edit(54, 1),
		"65535 headers":         edit(56, 0xff, 0xff),
		"no headers":            edit(56, 0, 0),
		"more file than memory": edit(64+40, 1, 0, 0, 0),
		"text in the kernel":    edit(64+16, 0, 0, 0x20, 0x80, 0xff, 0xff, 0xff, 0xff),
		"text beyond the file":  edit(64+8, 0, 0, 0, 0, 1),
		"endless text":          edit(64+40, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"the middle of another": foreign[4096:8192],
	} {
		_, err := l.start(b)
		var e *client.ExecError
		if !errors.As(err, &e) || syscall.Errno(e.Errno) != syscall.ENOEXEC {
			t.Errorf("%s: %v, want ENOEXEC", name, err)
		}
	}

	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	refused, ran := 0, 0
	for range 150 {
		b := bytes.Clone(good)
		for range 1 + rng.IntN(4) {
			b[rng.IntN(120)] = byte(rng.Uint32())
		}
		if rng.IntN(4) == 0 {
			b = b[:rng.IntN(len(b))]
		}
		if len(b) == 0 {
			continue
		}
		p, err := l.start(b)
		if err != nil {
			refused++
			continue
		}
		ran++
		if err := p.Signal(l.within(10*time.Second), int(syscall.SIGKILL)); err != nil && !client.Gone(err) {
			t.Logf("killing: %v", err)
		}
		if _, err := p.Wait(l.within(10 * time.Second)); err != nil {
			t.Fatalf("seed %d: it does not end: %v\n%x", seed, err, b)
		}
	}
	if refused == 0 || ran == 0 {
		t.Errorf("seed %d: %d were refused and %d ran: the test looks at one side only", seed, refused, ran)
	}
	l.answers(1)
}

// A kernel that breaks says what it knows, and QEMU ends with a failure.
func TestHostile_BrokenKernel(t *testing.T) {
	t.Parallel()
	kernel, initrd := harness.Built(t)
	harness.Claim(t, 1)
	dir, err := os.MkdirTemp("", "mt")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := cluster.Open(cluster.Dir(dir), cluster.Config{Kernel: kernel, Initrd: initrd, Append: "break=1", BootTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Add(ctx, []cluster.NodeSpec{{MemMB: 96}}, nil); err != nil {
		t.Fatal(err)
	}
	console, err := c.Console(1)
	if err != nil {
		t.Fatal(err)
	}
	end, err := console.View(0).Find(ctx, regexp.MustCompile(`(?s)^.*`+cluster.EndNote(1)))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(console.Tail(50), "\n"))
	}
	if how := end[1]; how != "kernel panic" {
		t.Errorf("it ended: %s", how)
	}
	for _, want := range []string{
		`kernel panic: runtime error: invalid memory address`,
		`last fault in the kernel: vector 14, error 0x\w+, cr2 0x\w+`,
		`rip ffffffff8\w+  main\.\S*breakDown\S*\+0x\w+ \S+\.go:\d+`,
		`rax \w{16}  rbx`,
		`  ffffffff8\w+: \w+ +mov`,
		`recent events:`,
		`goroutine 1`,
	} {
		if !regexp.MustCompile(want).MatchString(end[0]) {
			t.Errorf("nothing like %q in what it said:\n%s", want, end[0])
		}
	}
}
