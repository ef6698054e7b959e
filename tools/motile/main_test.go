package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

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
	if len(nodes) != 2 || nodes[0].PID == 0 || nodes[1].Spec.Machine != machine.PC || nodes[1].State != cluster.Running || nodes[0].Spec.MemMB != 32 {
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
