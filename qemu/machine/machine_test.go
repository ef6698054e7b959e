package machine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/machine"
	"motile/qemu/machine/machinetest"
)

// childEnv makes this test binary start a machine and wait to be killed.
const childEnv = "MACHINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		p, err := machine.Start(context.Background(), spec(dir, machine.MicroVM), machine.NewConsole())
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.PID())
		select {}
	}
	os.Exit(m.Run())
}

func needQEMU(t *testing.T) {
	t.Helper()
	if _, err := machine.Find(""); errors.Is(err, machine.ErrNoQEMU) {
		t.Skip(err)
	}
}

// folder makes one with a name short enough for sockets.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vm,") // a comma, because QEMU's options dislike it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := machinetest.WriteKernel(filepath.Join(dir, "kernel.elf")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func spec(dir string, typ machine.Type) machine.Spec {
	return machine.Spec{
		Node: 1, Type: typ, MemMB: 32, Append: "node=1",
		Kernel:        filepath.Join(dir, "kernel.elf"),
		ConsoleSocket: filepath.Join(dir, "console"),
		ConsoleLog:    filepath.Join(dir, "log"),
		QMPSocket:     filepath.Join(dir, "qmp"),
	}
}

// boot starts a machine and waits until its guest is ready.
func boot(t *testing.T, s machine.Spec) (*machine.Process, *machine.View) {
	t.Helper()
	needQEMU(t)
	console := machine.NewConsole()
	p, err := machine.Start(t.Context(), s, console)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		p.Wait()
	})
	view := console.View(0)
	expect(t, view, fmt.Sprintf("motile: node %d ready\n", s.Node))
	return p, view
}

func expect(t *testing.T, v *machine.View, re string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	groups, err := v.Find(ctx, regexp.MustCompile(re))
	if err != nil {
		text, _ := v.Next(ctx)
		t.Fatalf("waiting for %q: %v; the console says %q", re, err, text)
	}
	return groups
}

// awaitAttached waits until the bridge has heard of so many cards. QEMU has connected
// them before it answers, but the bridge has a goroutine of its own to accept them.
func awaitAttached(tb testing.TB, br *bridge.Bridge, cards int) {
	tb.Helper()
	attached := 0
	for range 1000 {
		attached = 0
		for _, port := range br.Stats().Ports {
			if port.Attached {
				attached++
			}
		}
		if attached == cards {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	tb.Fatalf("%d of %d cards are attached: %+v", attached, cards, br.Stats())
}

// TestStart_AllMachineTypes: the same kernel file boots everywhere, its network
// card is attached to the bridge, and it sees the same CPU.
func TestStart_AllMachineTypes(t *testing.T) {
	needQEMU(t)
	const wantCPU = "078BFBFD C0982201 00100080 20100800 00000001"
	for _, typ := range machine.Types {
		for _, virtio := range []machine.Virtio{machine.Transitional, machine.Modern, machine.Legacy} {
			if typ == machine.MicroVM && virtio != machine.Transitional {
				continue
			}
			t.Run(string(typ)+"/"+string(virtio), func(t *testing.T) {
				t.Parallel()
				dir := folder(t)
				br := bridge.New(bridge.Options{})
				defer br.Close()
				s := spec(dir, typ)
				for i, name := range []string{"n1", "n1.1"} {
					s.NICs = append(s.NICs, machine.NIC{Socket: filepath.Join(dir, name), MTU: 1500 + i, Virtio: virtio})
					if err := br.AddPort(name, s.NICs[i].Socket); err != nil {
						t.Fatal(err)
					}
				}
				p, view := boot(t, s)
				awaitAttached(t, br, len(s.NICs))
				fmt.Fprint(p.Console(), "abcC")
				expect(t, view, "abc")
				if cpu := expect(t, view, `([0-9A-F ]+) \n`)[1]; cpu != wantCPU {
					t.Errorf("CPUID says %s, want %s: it is part of what processes rely on", cpu, wantCPU)
				}
			})
		}
	}
}

func TestProcess_HowMachinesEnd(t *testing.T) {
	needQEMU(t)
	for _, c := range []struct {
		how, want string
		types     []machine.Type
	}{
		{"F", "kernel panic", machine.Types},
		{"T", "powered off", machine.Types},
		{"K", "powered off", []machine.Type{machine.PC, machine.Q35}}, // microvm has no keyboard controller
		{"quit", "powered off", machine.Types[:1]},
		{"kill", "power cut", machine.Types[:1]},
		{"signal", "QEMU was killed by another program: killed", machine.Types[:1]},
	} {
		for _, typ := range c.types {
			t.Run(c.how+"/"+string(typ), func(t *testing.T) {
				t.Parallel()
				dir := folder(t)
				p, _ := boot(t, spec(dir, typ))
				switch c.how {
				case "kill":
					p.Kill()
				case "signal":
					syscall.Kill(p.PID(), syscall.SIGKILL)
				case "quit":
					if err := p.QMP().Quit(t.Context()); err != nil {
						t.Fatal(err)
					}
				default:
					fmt.Fprint(p.Console(), c.how)
				}
				e := p.Wait()
				if e.String() != c.want || e.Clean() != (c.want == "powered off") {
					t.Fatalf("%q (%+v), want %q", e, e, c.want)
				}
				if !slices.Contains(e.Tail, "motile: node 1 ready") {
					t.Errorf("console's end: %q", e.Tail)
				}
				if _, err := p.Console().Write([]byte("x")); !errors.Is(err, machine.ErrNoMachine) {
					t.Errorf("typing on a dead machine: %v", err)
				}
				left, _ := filepath.Glob(filepath.Join(dir, "*"))
				if len(left) != 2 { // kernel.elf, log
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

func TestProcess_QMP(t *testing.T) {
	p, view := boot(t, spec(folder(t), machine.MicroVM))
	check := func(want string) {
		t.Helper()
		if got, err := p.QMP().Status(t.Context()); got != want || err != nil {
			t.Fatalf("status %q, %v; want %q", got, err, want)
		}
	}
	check("running")
	if err := p.QMP().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("paused")
	fmt.Fprint(p.Console(), "hello")
	if err := p.QMP().Cont(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("running")
	expect(t, view, "hello")
	if err := p.QMP().Execute(t.Context(), "no-such", nil, nil); err == nil || !strings.Contains(err.Error(), "CommandNotFound") {
		t.Fatal(err)
	}
}

func TestConsole_OutlivesItsMachines(t *testing.T) {
	s := spec(folder(t), machine.MicroVM)
	p, view := boot(t, s)
	logged(t, s, 1)
	p.Kill()
	p.Wait()
	again, err := machine.Start(t.Context(), s, p.Console())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, view, "node 1 ready\n")
	logged(t, s, 2)
	again.Kill()
	again.Wait()
}

// logged waits until so many boots are in the log, to which QEMU writes after
// it has written to the console.
func logged(t *testing.T, s machine.Spec, boots int) {
	t.Helper()
	var log []byte
	for range 500 {
		log, _ = os.ReadFile(s.ConsoleLog)
		if strings.Count(string(log), "node 1 ready\n") == boots {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not %d boots in the log: %q", boots, log)
}

func TestStart_QuotesQEMUsComplaint(t *testing.T) {
	needQEMU(t)
	s := spec(folder(t), machine.MicroVM)
	s.CPU = "qemu64,+avx512f,enforce" // which TCG 7.2 has not
	_, err := machine.Start(t.Context(), s, machine.NewConsole())
	if err == nil || !strings.Contains(err.Error(), "avx512f") {
		t.Fatal(err)
	}
	s = spec(folder(t), machine.MicroVM)
	s.QEMU = "/bin/false"
	_, err = machine.Start(t.Context(), s, machine.NewConsole())
	if err == nil || !strings.Contains(err.Error(), "it ended at once") {
		t.Fatal(err)
	}
}

// Two machines never have the same disk.
func TestStart_DiskIsLocked(t *testing.T) {
	needQEMU(t)
	image := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, typ := range machine.Types {
		s := spec(folder(t), typ)
		s.Disk = image
		first, _ := boot(t, s)
		other := spec(folder(t), typ)
		other.Disk = image
		_, err := machine.Start(t.Context(), other, machine.NewConsole())
		if err == nil || !strings.Contains(err.Error(), "lock") {
			t.Errorf("%s: %v", typ, err)
		}
		first.Kill()
		first.Wait()
	}
}

func TestStart_GivesUpWithItsContext(t *testing.T) {
	s := spec(folder(t), machine.MicroVM)
	s.QEMU = filepath.Join(filepath.Dir(s.Kernel), "slow")
	if err := os.WriteFile(s.QEMU, []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := machine.Start(ctx, s, machine.NewConsole()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// TestProcess_DiesWithItsParent kills, as kill -9 does, a program that runs a
// machine, and waits for the machine to be gone.
func TestProcess_DiesWithItsParent(t *testing.T) {
	needQEMU(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+folder(t))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var pid int
	if _, serr := fmt.Sscan(line, &pid); serr != nil {
		t.Fatalf("%q, %v", line, err)
	}
	child.Process.Kill()
	child.Wait()
	for range 500 {
		if syscall.Kill(pid, 0) != nil || zombie(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	t.Fatalf("QEMU %d outlived its parent", pid)
}

// zombie: nobody may have reaped an orphan in a container without init.
func zombie(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}
