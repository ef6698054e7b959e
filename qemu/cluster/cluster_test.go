package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"motile/proc/api"
	"motile/qemu/bridge"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/machine/machinetest"
)

// TestMain is also the daemon that Up starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "daemon" {
		// Not even a test that is killed leaves its daemon behind.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
			os.Exit(1)
		}
		if err := cluster.Daemon(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if code == 0 {
		code = leaks()
	}
	os.Exit(code)
}

// leaks checks that no goroutine of ours is left.
func leaks() int {
	var stacks string
	for range 500 {
		buf := make([]byte, 1<<20)
		_, stacks, _ = strings.Cut(string(buf[:runtime.Stack(buf, true)]), "\n\n") // after ours
		if !strings.Contains(stacks, "motile/qemu/") {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("goroutines left behind:\n" + stacks)
	return 1
}

func needQEMU(t *testing.T) {
	t.Helper()
	if _, err := machine.Find(""); errors.Is(err, machine.ErrNoQEMU) {
		t.Skip(err)
	}
}

// folder makes one short enough for sockets, and one's kernel.
func folder(t *testing.T) (cluster.Dir, cluster.Config) {
	t.Helper()
	needQEMU(t)
	dir, err := os.MkdirTemp("", "cl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	kernel := filepath.Join(dir, "kernel.elf")
	if err := machinetest.WriteKernel(kernel); err != nil {
		t.Fatal(err)
	}
	return cluster.Dir(filepath.Join(dir, "run")), cluster.Config{Kernel: kernel}
}

func open(t *testing.T, dir cluster.Dir, conf cluster.Config) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Open(dir, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func small(n int, types ...machine.Type) (specs []cluster.NodeSpec) {
	for i := range n {
		specs = append(specs, cluster.NodeSpec{Machine: types[i%len(types)], MemMB: 32})
	}
	return specs
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	t.Fatalf("process %d still runs", pid)
}

// empty checks that nothing is left in a folder but what is to stay.
func empty(t *testing.T, dir cluster.Dir) {
	t.Helper()
	files, err := os.ReadDir(string(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if n := f.Name(); n != "key" && n != "lock" && !strings.HasSuffix(n, ".log") {
			t.Errorf("%s is left in %s", n, dir)
		}
	}
}

func TestCluster_LifeOfNodes(t *testing.T) {
	dir, conf := folder(t)
	c := open(t, dir, conf)
	nodes, err := c.Add(t.Context(), small(2, machine.MicroVM, machine.Q35), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		if n.Number != i+1 || n.State != cluster.Running || n.PID == 0 || n.Boots != 1 || n.BootMs <= 0 {
			t.Errorf("%+v", n)
		}
	}
	n, err := c.Kill(1)
	if err != nil || n.State != cluster.Off || n.Why != "power cut" || n.PID != 0 {
		t.Fatalf("%+v, %v", n, err)
	}
	gone(t, nodes[0].PID)
	if _, err := c.Kill(1); err == nil || !strings.Contains(err.Error(), "node restart 1") {
		t.Fatal(err)
	}
	n, err = c.Restart(t.Context(), 1, nil)
	if err != nil || n.State != cluster.Running || n.Boots != 2 {
		t.Fatalf("%+v, %v", n, err)
	}
	n, err = c.Restart(t.Context(), 2, nil) // one that runs
	if err != nil || n.State != cluster.Running || n.Boots != 2 || n.PID == nodes[1].PID {
		t.Fatalf("%+v, %v", n, err)
	}
	gone(t, nodes[1].PID)
	more, err := c.Add(t.Context(), small(1, machine.PC), nil)
	if err != nil || more[0].Number != 3 {
		t.Fatalf("%+v, %v", more, err)
	}
	if _, err := c.Kill(9); err == nil || !strings.Contains(err.Error(), "last one is node 3") {
		t.Fatal(err)
	}
	// QEMU writes to the log after it has written to the console, so the power
	// that was cut above may have come before the log. This one has time.
	for range 500 {
		if log, _ := os.ReadFile(dir.ConsoleLog(3)); string(log) == "motile: node 3 ready\n" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	last := c.Nodes()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range last {
		gone(t, n.PID)
	}
	empty(t, dir)
	if _, err := c.Restart(t.Context(), 1, nil); err == nil {
		t.Fatal("a closed cluster boots nodes")
	}
	if log, _ := os.ReadFile(dir.ConsoleLog(3)); string(log) != "motile: node 3 ready\n" {
		t.Errorf("console log: %q", log)
	}
}

func TestCluster_NoticesHowNodesEnd(t *testing.T) {
	dir, conf := folder(t)
	c := open(t, dir, conf)
	if _, err := c.Add(t.Context(), small(2, machine.MicroVM), nil); err != nil {
		t.Fatal(err)
	}
	for n, how := range map[int]string{1: "F", 2: "T"} {
		console, err := c.Console(n)
		if err != nil {
			t.Fatal(err)
		}
		view := console.View(console.End())
		fmt.Fprint(console, how)
		if _, err := view.Find(t.Context(), regexp.MustCompile(cluster.EndNote(n))); err != nil {
			t.Fatal(err)
		}
	}
	want := []struct {
		state cluster.State
		why   string
	}{{cluster.Failed, "kernel panic"}, {cluster.Off, "powered off"}}
	for i, w := range want {
		for range 100 {
			if n := c.Nodes()[i]; n.State == w.state && n.Why == w.why && n.Exit != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := c.Nodes()[i]; n.State != w.state || n.Why != w.why {
			t.Errorf("%+v, want %v", n, w)
		}
	}
}

func TestCluster_NodeDiesAtBoot(t *testing.T) {
	dir, conf := folder(t)
	c := open(t, dir, conf)
	nodes, err := c.Add(t.Context(), []cluster.NodeSpec{{MemMB: 32, Append: "die!"}}, nil)
	if err == nil || !strings.Contains(err.Error(), "node 1: kernel panic while booting") || !strings.Contains(err.Error(), "node1.log") {
		t.Fatal(err)
	}
	if len(nodes) != 1 || nodes[0].State != cluster.Failed || nodes[0].PID != 0 {
		t.Fatalf("%+v", nodes)
	}
}

func TestCluster_NodeNeverAnswers(t *testing.T) {
	dir, conf := folder(t)
	conf.BootTimeout = 300 * time.Millisecond
	conf.Ready = func(ctx context.Context, n cluster.NodeInfo, console *machine.View) error {
		_, err := console.Find(ctx, regexp.MustCompile("never said"))
		return err
	}
	c := open(t, dir, conf)
	var said []string
	nodes, err := c.Add(t.Context(), small(1, machine.MicroVM), func(s string) { said = append(said, s) })
	if err == nil || !strings.Contains(err.Error(), "did not answer within 300ms") || !strings.Contains(err.Error(), "\n  motile: node 1 ready") {
		t.Fatal(err)
	}
	if nodes[0].State != cluster.Failed || nodes[0].PID != 0 {
		t.Fatalf("%+v", nodes)
	}
	if all := strings.Join(said, "|"); !strings.Contains(all, "node 1: booting (microvm, 32 MB)|node 1: did not answer") {
		t.Fatal(all)
	}
}

func TestCluster_CloseWhileBooting(t *testing.T) {
	dir, conf := folder(t)
	booting := make(chan struct{})
	conf.Ready = func(ctx context.Context, n cluster.NodeInfo, console *machine.View) error {
		close(booting)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	c := open(t, dir, conf)
	end := make(chan error)
	go func() {
		_, err := c.Add(t.Context(), small(1, machine.MicroVM), nil)
		end <- err
	}()
	<-booting
	pid := c.Nodes()[0].PID
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-end; err == nil || !strings.Contains(err.Error(), "going down") {
		t.Fatal(err)
	}
	gone(t, pid)
	empty(t, dir)
}

func TestCluster_FrameFromHostReachesTheBridge(t *testing.T) {
	dir, conf := folder(t)
	c := open(t, dir, conf)
	if _, err := c.Add(t.Context(), []cluster.NodeSpec{{MemMB: 32, Cards: 2}}, nil); err != nil {
		t.Fatal(err)
	}
	host, err := bridge.Dial(c.HostSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Send(append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5}, make([]byte, 46)...)); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		ports := c.Bridge().Stats().Ports // n1, n1.1, host-1
		if len(ports) == 3 && ports[0].OutFrames == 1 && ports[1].OutFrames == 1 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%+v", c.Bridge().Stats().Ports)
}

func TestCluster_OneFolderOneCluster(t *testing.T) {
	dir, conf := folder(t)
	open(t, dir, conf)
	var running *cluster.RunningError
	if _, err := cluster.Open(dir, conf); !errors.As(err, &running) || running.Owner.PID != os.Getpid() {
		t.Fatal(err)
	}
	if _, err := cluster.Down(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "belongs to this program") {
		t.Fatal(err)
	}
}

func TestCluster_HaltedForADebugger(t *testing.T) {
	dir, conf := folder(t)
	c := open(t, dir, conf)
	nodes, err := c.Add(t.Context(), []cluster.NodeSpec{{MemMB: 32, GDB: true, Halt: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(nodes[0].GDB); err != nil {
		t.Fatal(err)
	}
	console, err := c.Console(1)
	if err != nil || console.End() != 0 {
		t.Fatal("it runs", err)
	}
	if err := c.QMP(t.Context(), 1, "cont", nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := console.View(0).Find(t.Context(), regexp.MustCompile("ready")); err != nil {
		t.Fatal(err)
	}
}

func TestCluster_LongPath(t *testing.T) {
	dir, conf := folder(t)
	dir = cluster.Dir(filepath.Join(string(dir), strings.Repeat("long/", 30)))
	c := open(t, dir, conf)
	if _, err := c.Add(t.Context(), small(1, machine.MicroVM), nil); err != nil {
		t.Fatal(err)
	}
	short, err := os.Readlink(filepath.Join(string(dir), "sock"))
	if err != nil || filepath.Dir(c.HostSocket()) != short {
		t.Fatal(short, c.HostSocket(), err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(short); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	empty(t, dir)
}

// A disk is made once: it is there after a restart, and after the whole cluster was.
func TestCluster_DisksAreKept(t *testing.T) {
	dir, conf := folder(t)
	spec := small(1, machine.MicroVM)
	spec[0].DiskMB = 3
	for life := range 2 {
		c := open(t, dir, conf)
		nodes, err := c.Add(t.Context(), spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := nodes[0]
		if n.Disk != dir.Disk(1) || n.DiskNew != (life == 0) {
			t.Errorf("life %d: %+v", life, n)
		}
		info, err := os.Stat(n.Disk)
		if err != nil || info.Size() != 3<<20 {
			t.Fatalf("life %d: %v, %v", life, info, err)
		}
		if life == 0 {
			if err := os.WriteFile(n.Disk, append([]byte("mine"), make([]byte, 3<<20-4)...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := os.ReadFile(n.Disk); err != nil || string(text[:4]) != "mine" {
			t.Errorf("life %d: %q, %v", life, text[:4], err)
		}
		if _, err = c.Restart(t.Context(), 1, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		spec[0].DiskMB = 50 // it is there already
	}
}

func TestDir_KeyIsMadeOnce(t *testing.T) {
	dir, conf := folder(t)
	c := open(t, dir, conf)
	info, err := os.Stat(dir.Key())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	key, err := dir.LoadKey()
	if err != nil || key == (api.Key{}) {
		t.Fatal(key, err)
	}
	c.Close()
	open(t, dir, conf)
	if again, err := dir.LoadKey(); err != nil || again != key {
		t.Fatal("another key", err)
	}
}

func TestDir_DamagedKeyIsNotReplaced(t *testing.T) {
	dir, conf := folder(t)
	os.MkdirAll(string(dir), 0o700)
	os.WriteFile(dir.Key(), []byte("abc"), 0o600)
	if _, err := cluster.Open(dir, conf); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(string(dir), "sock")); err == nil {
		t.Fatal("sockets are left")
	}
}
