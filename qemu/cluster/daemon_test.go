package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/bridge/pcapng"
	"motile/qemu/cluster"
	"motile/qemu/machine"
)

// up starts a daemon, which is this test binary, and stops it at the test's end.
func up(t *testing.T, dir cluster.Dir, conf cluster.Config, nodes []cluster.NodeSpec) cluster.Status {
	t.Helper()
	s, err := tryUp(t, t.Context(), dir, conf, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryUp(t *testing.T, ctx context.Context, dir cluster.Dir, conf cluster.Config, nodes []cluster.NodeSpec) (cluster.Status, error) {
	t.Helper()
	t.Cleanup(func() {
		if _, err := cluster.Down(context.Background(), dir); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(dir.DaemonLog())
			t.Logf("daemon.log:\n%s", log)
		}
	})
	return cluster.Up(ctx, cluster.UpOptions{Dir: dir, Config: conf, Nodes: nodes})
}

func connect(t *testing.T, dir cluster.Dir) *cluster.Client {
	t.Helper()
	c, err := cluster.Connect(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDaemon_UpControlDown(t *testing.T) {
	dir, conf := folder(t)
	s := up(t, dir, conf, small(2, machine.MicroVM))
	if s.PID == os.Getpid() || s.PID == 0 || len(s.Nodes) != 2 || s.Nodes[1].State != cluster.Running {
		t.Fatalf("%+v", s)
	}
	c := connect(t, dir)
	if n, err := c.Kill(t.Context(), 2); err != nil || n.State != cluster.Off {
		t.Fatalf("%+v, %v", n, err)
	}
	var said []string
	c.OnProgress(func(s string) { said = append(said, s) })
	if n, err := c.Restart(t.Context(), 2); err != nil || n.State != cluster.Running {
		t.Fatalf("%+v, %v", n, err)
	}
	if len(said) != 2 || !strings.HasPrefix(said[1], "node 2: answers after") {
		t.Fatalf("%q", said)
	}
	if _, err := c.Restart(t.Context(), 7); err == nil || !strings.Contains(err.Error(), "node 7 does not exist") {
		t.Fatal(err)
	}
	if n, err := c.Add(t.Context(), small(1, machine.PC)); err != nil || n[0].Number != 3 {
		t.Fatalf("%+v, %v", n, err)
	}
	s, err := c.Status(t.Context())
	if err != nil || len(s.Nodes) != 3 || len(s.Bridge.Ports) != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	ran, err := cluster.Down(t.Context(), dir)
	if !ran || err != nil {
		t.Fatal(ran, err)
	}
	for _, n := range s.Nodes {
		gone(t, n.PID)
	}
	gone(t, s.PID)
	empty(t, dir)
	if ran, err := cluster.Down(t.Context(), dir); ran || err != nil {
		t.Fatal("down twice:", ran, err)
	}
	var not *cluster.NotRunningError
	if _, err := cluster.Connect(dir); !errors.As(err, &not) || !strings.Contains(err.Error(), "up") {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); err == nil {
		t.Fatal("a daemon that is down answers")
	}
}

// on is faults on the only network there is.
func on(f bridge.Faults) []cluster.NetFaults { return []cluster.NetFaults{{Net: "a", Faults: f}} }

func TestDaemon_FaultsAndCapture(t *testing.T) {
	dir, conf := folder(t)
	s := up(t, dir, conf, nil) // a cluster may begin without nodes
	c := connect(t, dir)
	loss, dup, seed := 0.5, 0.25, uint64(7)
	f, err := c.SetFaults(t.Context(), cluster.FaultChange{Loss: &loss, Seed: &seed})
	if err != nil || !slices.Equal(f, on(bridge.Faults{Loss: 0.5, Seed: 7})) {
		t.Fatalf("%+v, %v", f, err)
	}
	f, err = c.SetFaults(t.Context(), cluster.FaultChange{Dup: &dup})
	if err != nil || !slices.Equal(f, on(bridge.Faults{Loss: 0.5, Dup: 0.25, Seed: 7})) {
		t.Fatalf("%+v, %v", f, err)
	}
	bad := 2.0
	if _, err := c.SetFaults(t.Context(), cluster.FaultChange{Loss: &bad}); err == nil || !strings.Contains(err.Error(), "from 0 to 1") {
		t.Fatal(err)
	}
	f, err = c.SetFaults(t.Context(), cluster.FaultChange{Heal: true})
	if err != nil || !slices.Equal(f, on(bridge.Faults{})) {
		t.Fatalf("%+v, %v", f, err)
	}

	file := filepath.Join(filepath.Dir(string(dir)), "c.pcapng")
	if err := c.StartCapture(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	host, err := bridge.Dial(s.Hosts)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Send(make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	for s.Bridge.Capture == nil || s.Bridge.Capture.Frames == 0 {
		if s, err = c.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.StopCapture(t.Context()); err != nil || got.Frames != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	in, err := pcapng.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if p, err := in.Next(); err != nil || p.Interface != "host-1" || len(p.Frame) != 60 {
		t.Fatalf("%+v, %v", p, err)
	}
}

func TestDaemon_ConsoleForTwo(t *testing.T) {
	dir, conf := folder(t)
	up(t, dir, conf, small(1, machine.MicroVM))
	var ends [2]io.ReadWriteCloser
	for i := range ends {
		var err error
		if ends[i], err = connect(t, dir).Console(t.Context(), 1, 24); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(ends[i]).ReadString('\n') // the past
		if err != nil || line != "motile: node 1 ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	fmt.Fprint(ends[0], "hello")
	for _, end := range ends {
		buf := make([]byte, 5)
		if _, err := io.ReadFull(end, buf); err != nil || string(buf) != "hello" {
			t.Fatalf("%q, %v", buf, err)
		}
	}
	ends[0].Close()
	fmt.Fprint(ends[1], "T") // powers off
	rest, err := bufio.NewReader(ends[1]).ReadString(']')
	if err != nil || !strings.HasSuffix(rest, "[node 1 ended: powered off]") {
		t.Fatalf("%q, %v", rest, err)
	}
	if _, err := connect(t, dir).Restart(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	again := bufio.NewReader(ends[1])
	for {
		line, err := again.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "motile: node 1 ready\n" {
			break
		}
	}
	if _, err := cluster.Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, again); err != nil { // ends
		t.Fatal(err)
	}
	if _, err := cluster.Connect(dir); err == nil {
		t.Fatal("still there")
	}
}

func TestDown_SeveralAtOnce(t *testing.T) {
	dir, conf := folder(t)
	up(t, dir, conf, small(1, machine.MicroVM))
	done := make(chan error)
	const several = 200
	for i := range several {
		go func() {
			time.Sleep(time.Duration(i) * 200 * time.Microsecond)
			_, err := cluster.Down(t.Context(), dir)
			done <- err
		}()
	}
	for range several {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestUp_RefusesARunningCluster(t *testing.T) {
	dir, conf := folder(t)
	s := up(t, dir, conf, nil)
	var running *cluster.RunningError
	_, err := cluster.Up(t.Context(), cluster.UpOptions{Dir: dir, Config: conf})
	if !errors.As(err, &running) || running.Owner.PID != s.PID || !strings.Contains(err.Error(), "down") {
		t.Fatal(err)
	}
}

func TestUp_NodeDiesAtBoot(t *testing.T) {
	dir, conf := folder(t)
	nodes := small(3, machine.MicroVM)
	nodes[1].Append = "die!"
	_, err := tryUp(t, t.Context(), dir, conf, nodes)
	if err == nil || !strings.Contains(err.Error(), "node 2: kernel panic while booting") {
		t.Fatal(err)
	}
	empty(t, dir)
}

func TestUp_WithoutQEMU(t *testing.T) {
	dir, conf := folder(t)
	t.Setenv("PATH", "")
	t.Setenv(machine.ProgramEnv, "")
	if _, err := cluster.Up(t.Context(), cluster.UpOptions{Dir: dir, Config: conf}); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Fatal(err)
	}
}

func TestUp_TooOldQEMU(t *testing.T) {
	dir, conf := folder(t)
	conf.QEMU = filepath.Join(filepath.Dir(conf.Kernel), "qemu")
	if err := os.WriteFile(conf.QEMU, []byte("#!/bin/sh\necho QEMU emulator version 6.2.0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Up(t.Context(), cluster.UpOptions{Dir: dir, Config: conf}); err == nil || !strings.Contains(err.Error(), "needs 7.2") {
		t.Fatal(err)
	}
}

func TestUp_DaemonThatCannotStart(t *testing.T) {
	dir, conf := folder(t)
	_, err := cluster.Up(t.Context(), cluster.UpOptions{Dir: dir, Config: conf,
		Daemon: []string{"/bin/sh", "-c", "read x; echo out of luck >&2"}})
	if err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Fatal(err)
	}
}

func TestUp_InterruptedWhileBooting(t *testing.T) {
	dir, conf := folder(t)
	conf.BootTimeout = time.Minute
	ctx, cancel := context.WithCancelCause(t.Context())
	nodes := small(1, machine.MicroVM)
	nodes[0].Append = "mute"
	opt := cluster.UpOptions{Dir: dir, Config: conf, Nodes: nodes, Progress: func(s string) {
		if strings.Contains(s, "booting") {
			cancel(errors.New("interrupted"))
		}
	}}
	_, err := cluster.Up(ctx, opt)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Fatal(err)
	}
	empty(t, dir)
}

// TestDaemon_Killed: a daemon that is killed takes its QEMUs along, and neither
// up nor down minds what it left.
func TestDaemon_Killed(t *testing.T) {
	for _, next := range []string{"up", "down"} {
		t.Run(next, func(t *testing.T) {
			dir, conf := folder(t)
			s := up(t, dir, conf, small(2, machine.MicroVM))
			syscall.Kill(s.PID, syscall.SIGKILL)
			gone(t, s.PID)
			for _, n := range s.Nodes {
				gone(t, n.PID)
			}
			if _, err := os.Stat(filepath.Join(string(dir), "state.json")); err != nil {
				t.Fatal("nothing was left to clean up:", err)
			}
			if next == "up" {
				s = up(t, dir, conf, small(1, machine.MicroVM))
				if len(s.Nodes) != 1 || s.Nodes[0].Boots != 1 {
					t.Fatalf("%+v", s.Nodes)
				}
				return
			}
			if _, err := cluster.Down(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
			empty(t, dir)
		})
	}
}

// A daemon that was killed holds its lock until the last of its threads has ended. Who
// comes in between waits for that; who meets one that runs does not.
func TestLock_OfAProcessThatIsEnding(t *testing.T) {
	dir := cluster.Dir(t.TempDir())
	release, err := cluster.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Take(dir); err == nil || !strings.Contains(err.Error(), "already runs") {
		t.Fatalf("we run: %v", err)
	}
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"pid":%d,"start":1}`, ended.Process.Pid)
	if err := os.WriteFile(filepath.Join(string(dir), "lock"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, release)
	again, err := cluster.Take(dir)
	if err != nil {
		t.Fatalf("he ended: %v", err)
	}
	again()
}

func TestDaemon_StopsOnSIGTERM(t *testing.T) {
	dir, conf := folder(t)
	s := up(t, dir, conf, small(1, machine.MicroVM))
	syscall.Kill(s.PID, syscall.SIGTERM)
	gone(t, s.PID)
	gone(t, s.Nodes[0].PID)
	empty(t, dir)
}

func TestDaemon_StopsWhenItsFolderIsRemoved(t *testing.T) {
	dir, conf := folder(t)
	s := up(t, dir, conf, small(1, machine.MicroVM))
	if err := os.RemoveAll(string(dir)); err != nil {
		t.Fatal(err)
	}
	gone(t, s.PID)
	gone(t, s.Nodes[0].PID)
}

func TestDown_KillsADaemonThatHangs(t *testing.T) {
	defer cluster.SetDownTimeout(200 * time.Millisecond)()
	dir, conf := folder(t)
	s := up(t, dir, conf, small(1, machine.MicroVM))
	syscall.Kill(s.PID, syscall.SIGSTOP)
	ran, err := cluster.Down(t.Context(), dir)
	if !ran || err != nil {
		t.Fatal(ran, err)
	}
	gone(t, s.PID)
	gone(t, s.Nodes[0].PID)
	empty(t, dir)
}

// TestControl_BadRequests speaks the protocol by hand.
func TestControl_BadRequests(t *testing.T) {
	dir, conf := folder(t)
	up(t, dir, conf, nil)
	for _, c := range []struct{ send, want string }{
		{`{"op":"fly"}`, "unknown request"},
		{`{"op":"node.kill","args":{"node":"x"}}`, "cannot unmarshal"},
		{`{"op":"node.kill"}`, "node.kill"},
		{`{"op":"console","args":{"node":4}}`, "node 4 does not exist"},
		{`{"op":"capture.stop"}`, "no capture"},
		{`hello`, "not a request"},
	} {
		conn, err := net.Dial("unix", filepath.Join(string(dir), "sock", "control"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(conn, c.send)
		line, err := bufio.NewReader(conn).ReadBytes('\n')
		var r struct{ Error string }
		if jerr := json.Unmarshal(line, &r); err != nil || jerr != nil || !strings.Contains(r.Error, c.want) {
			t.Errorf("%s: %q, %v, %v", c.send, line, err, jerr)
		}
		conn.Close()
	}
}

// TestControl_ClientGoes: a request whose client has gone is given up.
func TestControl_ClientGoes(t *testing.T) {
	dir, conf := folder(t)
	conf.BootTimeout = time.Hour
	up(t, dir, conf, nil)
	ctx, cancel := context.WithCancel(t.Context())
	c := connect(t, dir)
	c.OnProgress(func(s string) { cancel() })
	if _, err := c.Add(ctx, []cluster.NodeSpec{{MemMB: 32, Append: "mute"}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	other := connect(t, dir)
	for range 500 {
		s, err := other.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Nodes[0]; n.State == cluster.Failed && n.PID == 0 && strings.Contains(n.Why, "client has gone") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("still booting")
}
