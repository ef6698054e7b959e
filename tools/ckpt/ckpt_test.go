package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"motile/migrate/checkpoint"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/servers/checkpoints"
)

var clusterKey = [32]byte(bytes.Repeat([]byte{7}, 32))

// landmark is where the thread of the specimen is: a function of this program, which is
// the program that the specimen runs.
//
//go:noinline
func landmark(n int) int {
	if n == 0 {
		return 1
	}
	return n * landmark(n-1)
}

// specimen is a process that a test writes down.
type specimen struct {
	p        image.Process
	lineage  image.Lineage
	objects  []image.Object
	segments image.Segments
	pages    map[place][]byte
	seal     []byte // what the rpc record is bound to; nil: as it should be
	exe      string
}

const (
	codeAt  = 0x400000 // of the test's own program, about
	heapAt  = 0xc000000000
	stackAt = 0x7fff00000000
	handAt  = 0x10000 // instructions by hand, in memory of the process
)

func newSpecimen(t *testing.T) *specimen {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(data)
	entry := uint64(reflect.ValueOf(landmark).Pointer())
	size := (uint64(len(data)) + pageSize - 1) &^ (pageSize - 1)
	s := &specimen{exe: exe, pages: make(map[place][]byte)}
	s.p = image.Process{PID: 1000007, Parent: 1, PGID: 1000007, SID: 1000007, Cwd: "/root", TTY: -1, Log: -1, NextIndex: 2,
		Comm: "landmark", Args: []string{"landmark", "-v"}, Exe: "/test/landmark",
		Threads: image.Threads{
			{TID: 1000007, FX: make([]byte, 512), Name: "main", Call: &image.Call{Nr: 35, Args: [6]uint64{0x500000}, Remaining: 15e8}},
			{TID: 1000008, Index: 1, FX: make([]byte, 512)}},
		Regions: []image.Region{
			{Start: handAt, End: handAt + pageSize, Prot: 5, Store: -1},
			{Start: codeAt, End: codeAt + size, Prot: 5, Store: 0},
			{Start: heapAt, End: heapAt + 16*pageSize, Prot: 3, Store: -1},
			{Start: stackAt, End: stackAt + 4*pageSize, Prot: 3, Store: -1, Stack: true}},
		Stores: []image.Store{{Digest: digest[:], Path: "/test/landmark", Size: int64(len(data))}},
		Files:  []image.File{{Kind: image.KindDevice, Path: "/dev/null", Object: -1}, {Kind: image.KindPipeR, Path: "pipe:"}},
		FDs:    []image.FD{{FD: 0, File: 0}, {FD: 5, File: 1}},
	}
	s.objects = []image.Object{{Pipe: []byte("in flight"), Readers: 1}}
	s.lineage = image.Lineage{ID: [16]byte{0xab}, Generation: 3, Taken: 17e17, PID: 1000007, Node: 2, Kernel: "motile 1"}
	s.segments = image.Segments{{Store: -1, Start: handAt, Size: pageSize, Runs: []uint64{0, 1}},
		{Store: -1, Start: heapAt, Size: 16 * pageSize, Runs: []uint64{0, 2, 8, 1}},
		{Store: -1, Start: stackAt, Size: 4 * pageSize, Runs: []uint64{3, 1}}}
	hand := make([]byte, pageSize)
	copy(hand, []byte{0xf3, 0x0f, 0x1e, 0xfa, // endbr64
		0x55,             // push %rbp
		0x48, 0x89, 0xe5, // mov %rsp,%rbp
		0xb8, 0x23, 0, 0, 0, // mov $35,%eax
		0x0f, 0x05, // syscall
		0xc9, 0xc3}) // leave, ret
	heap, heap2 := make([]byte, pageSize), make([]byte, pageSize)
	copy(heap[100:], "some text on the heap")
	heap2[0] = 1
	stack := make([]byte, pageSize)
	sp := uint64(stackAt + 4*pageSize - 256)
	put := func(addr, v uint64) { binary.LittleEndian.PutUint64(stack[addr-(stackAt+3*pageSize):], v) }
	put(sp, sp+64)      // frame pointer of the caller
	put(sp+8, entry+20) // and where it goes on
	put(sp+64, 0)       // which was called by
	put(sp+72, entry+24)
	s.pages[place{0, 0}], s.pages[place{1, 0}], s.pages[place{1, 8}], s.pages[place{2, 3}] = hand, heap, heap2, stack
	s.p.Threads[0].Regs = [20]uint64{regBP: sp, regSP: sp, regIP: handAt + 15}
	s.p.Threads[1].Regs = [20]uint64{regSP: sp, regIP: entry}
	return s
}

// write writes the specimen to a file in the test's folder, beside the key.
func (s *specimen) write(t *testing.T, dir, name string) string {
	t.Helper()
	bound := s.seal
	if bound == nil {
		bound = s.lineage.Bound()
	}
	rpc, err := image.Marshal(image.RPC{PID: []byte("endpoint")})
	if err != nil {
		t.Fatal(err)
	}
	var records []image.Record
	for _, r := range []struct {
		typ image.Type
		v   any
	}{{image.TypeProcess, s.p}, {image.TypeObjects, s.objects}, {image.TypeLineage, s.lineage}, {image.TypeSegments, s.segments}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, image.Record{Type: r.typ, Required: true, Payload: b})
	}
	records = append(records, image.Record{Type: image.TypeRPC, Required: true, Payload: seal.Seal(&clusterKey, [16]byte{1}, bound, rpc)},
		image.Record{Type: 99, Payload: []byte("later")})
	d, err := image.Describe(records)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	_, err = checkpoints.Write(path, &clusterKey, d, checkpoint.Options{Compress: true}, func(w *checkpoint.Writer) error {
		for i, g := range s.segments {
			for k := 0; k < len(g.Runs); k += 2 {
				for n := g.Runs[k]; n < g.Runs[k]+g.Runs[k+1]; n++ {
					page := s.pages[place{i, n}]
					if page == nil {
						page = make([]byte, pageSize)
					}
					if err := w.Pages(i, n, page); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// folder has the cluster's key in it.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), fmt.Appendf(nil, "%x\n", clusterKey), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ckpt runs the tool.
func ckpt(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(context.Background(), args, &o, &e)
	return o.String(), e.String(), status
}

// good runs the tool, which is to succeed.
func good(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, status := ckpt(t, args...)
	if status != 0 || errs != "" {
		t.Fatalf("%q: %d %s", args, status, errs)
	}
	return out
}

func mustSay(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestShow(t *testing.T) {
	dir, s := folder(t), newSpecimen(t)
	path := s.write(t, dir, "it.ckpt")
	out := good(t, "--dir", dir, "--exe", s.exe, "show", path)
	mustSay(t, out, "process 1000007: landmark -v", "lineage ab000000000000000000000000000000, checkpoint 3", "on node 2",
		"thread 1000007 main", "nanosleep", "1.5s left", "thread 1000008", "runs",
		"mov $0x23,%eax", "syscall", "=> 1000f: c9 ", "leaveq", // the next one is marked
		"symbols from "+s.exe,
		"ckpt.landmark+0x0", "ckpt_test.go:", // where the second thread is
		"ckpt.landmark+0x13", "ckpt.landmark+0x17", // who has called the first: frame pointers
		"read end of a pipe with 9 bytes in it", "rip 000000000001000f")
	if !strings.Contains(out, "goroutines: ") && !strings.Contains(out, "runtime.allgs") {
		t.Error("nothing is said of goroutines")
	}

	out = good(t, "--dir", dir, "show", path)
	mustSay(t, out, "no symbols: /test/landmark", "--exe", "the code is not there", "syscall")

	var u struct {
		PID     int32
		Threads []struct {
			TID       int32
			Symbol    string
			Registers map[string]uint64
			Code      []instruction
			Stack     []frame
			Call      string
		}
	}
	if err := json.Unmarshal([]byte(good(t, "--json", "--dir", dir, "--exe", filepath.Dir(s.exe), "show", path)), &u); err != nil {
		t.Fatal(err)
	}
	if u.PID != 1000007 || len(u.Threads) != 2 || len(u.Threads[0].Stack) != 3 || len(u.Threads[0].Code) < 3 ||
		u.Threads[0].Registers["rip"] != handAt+15 || !strings.Contains(u.Threads[0].Call, "nanosleep") || !strings.Contains(u.Threads[1].Symbol, "landmark") {
		t.Errorf("%+v", u)
	}
}

func TestMem(t *testing.T) {
	dir, s := folder(t), newSpecimen(t)
	path := s.write(t, dir, "it.ckpt")
	mustSay(t, good(t, "--dir", dir, "mem", "--at", "0xc000000064", "--len", "32", path), "00c000000064  73 6f 6d 65", "some text on the")
	exe, err := os.ReadFile(s.exe)
	if err != nil {
		t.Fatal(err)
	}
	var d dump
	if err := json.Unmarshal([]byte(good(t, "--json", "--dir", dir, "--exe", s.exe, "mem", "--at", "0x400ff0", "--len", "64", path)), &d); err != nil {
		t.Fatal(err)
	}
	if d.Addr != 0x400ff0 || !bytes.Equal(d.Data, exe[0xff0:0xff0+64]) {
		t.Errorf("%x", d)
	}
	if _, errs, status := ckpt(t, "--dir", dir, "mem", "--at", "0x400ff0", path); status != 1 || !strings.Contains(errs, "--exe") {
		t.Error(status, errs)
	}
	if _, errs, status := ckpt(t, "--dir", dir, "mem", "--at", "0x1000", path); status != 1 || !strings.Contains(errs, "nothing is mapped") {
		t.Error(status, errs)
	}
	var m memoryMap
	if err := json.Unmarshal([]byte(good(t, "--json", "--dir", dir, "mem", path)), &m); err != nil {
		t.Fatal(err)
	}
	if h := m.Regions[2]; h.Start != heapAt || h.Resident != 2 || h.Zero != 14 || h.File != 0 || m.Regions[1].File == 0 || m.Total.Resident != 4 {
		t.Errorf("%+v", m)
	}
	mustSay(t, good(t, "--dir", dir, "mem", path), "0xc000000000", "/test/landmark", "pages in all")
}

func TestDiff(t *testing.T) {
	dir, a := folder(t), newSpecimen(t)
	pathA := a.write(t, dir, "a.ckpt")
	if out := good(t, "--dir", dir, "diff", pathA, pathA); !strings.Contains(out, "pages: 0 changed, 0 new, 0 gone, 5 the same") || strings.Contains(out, "thread") {
		t.Error(out)
	}
	b := newSpecimen(t)
	b.lineage.Generation = 4
	b.p.Threads = b.p.Threads[:1]
	b.p.Threads[0].Regs[0] = 99
	b.p.FDs = b.p.FDs[:1]
	b.p.Regions = append(b.p.Regions[:3:3], image.Region{Start: 0xd000000000, End: 0xd000001000, Prot: 3, Store: -1}, b.p.Regions[3])
	b.segments = append(b.segments[:2:2], image.Segment{Store: -1, Start: 0xd000000000, Size: 0x1000, Runs: []uint64{0, 1}}, b.segments[2])
	b.pages[place{3, 3}] = b.pages[place{2, 3}]
	delete(b.pages, place{2, 3})
	b.pages[place{1, 0}] = bytes.Repeat([]byte{5}, pageSize)
	b.pages[place{1, 1}] = bytes.Repeat([]byte{6}, pageSize)
	pathB := b.write(t, dir, "b.ckpt")
	out := good(t, "--dir", dir, "diff", pathA, pathB)
	mustSay(t, out, "- thread 1: ", "thread 0 rax: 0x0 -> 0x63", "- fd 5: read end", "+ 0xd000000000: to 0xd000001000 rw-p memory",
		"pages: 2 changed, 1 new, 0 gone, 3 the same", "0xc000000000-0xc000002000 2 pages of memory")
	if out := good(t, "--dir", dir, "diff", "--only", "mem", pathA, pathB); strings.Contains(out, "thread") || !strings.Contains(out, "2 changed") {
		t.Error(out)
	}
	var d difference
	if err := json.Unmarshal([]byte(good(t, "--json", "--dir", dir, "diff", "--only", "fds,mem", pathB, pathA)), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.FDs) != 1 || d.FDs[0].A != "" || d.Threads != nil || d.Mem.Gone != 1 || !reflect.DeepEqual(d.Mem.Ranges, []span{{heapAt, heapAt + 2*pageSize, "memory"}}) {
		t.Errorf("%+v %+v", d, d.Mem)
	}
}

func TestVerify(t *testing.T) {
	dir, s := folder(t), newSpecimen(t)
	path := s.write(t, dir, "good.ckpt")
	mustSay(t, good(t, "--dir", dir, "verify", path), "process 1000007", "checkpoint 3: 5 pages", "nothing is wrong", "unknown here: type 99")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(name string, b []byte, says string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, errs, status := ckpt(t, "--dir", dir, "verify", path)
		if status != 1 || !strings.Contains(out, says) || !strings.Contains(out, name) || !strings.Contains(errs, "1 of 1 files") {
			t.Errorf("%s: %d %s %s", name, status, out, errs)
		}
	}
	flipped := bytes.Clone(data)
	flipped[len(flipped)/2] ^= 4
	bad("flipped", flipped, "changed since it was written")
	bad("short", data[:len(data)-20], "")
	bad("none", []byte("no checkpoint"), "not a checkpoint")
	bad("other", append([]byte("MOTILECK"), bytes.Repeat([]byte{1}, 200)...), "")

	s.seal = []byte("another checkpoint")
	path = s.write(t, dir, "rpc.ckpt")
	out, _, status := ckpt(t, "--dir", dir, "--json", "verify", path)
	var v []verified
	if err := json.Unmarshal([]byte(out), &v); err != nil || status != 1 || len(v) != 1 || !strings.Contains(v[0].Wrong, "rpc record") {
		t.Error(out, status, err)
	}
	wrong := filepath.Join(dir, "wrong.key")
	if err := os.WriteFile(wrong, []byte(strings.Repeat("08", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, status := ckpt(t, "--key", wrong, "verify", path); status != 1 || !strings.Contains(out, "another cluster's key") {
		t.Error(out, status)
	}
}

func TestStats(t *testing.T) {
	dir, s := folder(t), newSpecimen(t)
	path := s.write(t, dir, "it.ckpt")
	mustSay(t, good(t, "--dir", dir, "stats", path), "process", "lineage", "segments", "process.Threads", "lz4", "type 99")
	var u statistics
	if err := json.Unmarshal([]byte(good(t, "--json", "--dir", dir, "stats", "--fields", "3", path)), &u); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if u.Bytes != info.Size() || len(u.Fields) != 3 || u.Fields[0].Field != "process.Threads" || u.Pages.LZ4 != 4 || u.Pages.Zero != 1 || u.Pages.File == 0 || len(u.Records) != 7 {
		t.Errorf("%+v", u)
	}
}

func TestUsage(t *testing.T) {
	dir := folder(t)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"fly"}, exitUsage, "fly"},
		{[]string{"show"}, exitUsage, "<what>"},
		{[]string{"diff", "--only", "sea", "a", "b"}, exitUsage, "only"},
		{[]string{"mem", "--at", "here", "x"}, exitUsage, "0x"},
		{[]string{"mem", "--len", "0", "x"}, exitFailure, "--len"},
		{[]string{"show", "1000001"}, exitFailure, "no cluster runs in"},
		{[]string{"show", filepath.Join(dir, "none.ckpt")}, exitFailure, "no such file"},
		{[]string{"verify", filepath.Join(dir, "key")}, exitFailure, ""},
	} {
		if _, errs, status := ckpt(t, append([]string{"--dir", dir}, c.args...)...); status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("%q: %d %s", c.args, status, errs)
		}
	}
}

// TestReadme: the command lines that README.md shows are ones that the tool takes.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown, dir := 0, folder(t)
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if words, ok := strings.CutPrefix(strings.TrimSpace(line), "bin/ckpt "); ok {
			shown++
			if _, errs, status := ckpt(t, append([]string{"--dir", dir}, strings.Fields(words)...)...); status == exitUsage {
				t.Errorf("%s: %s", words, errs)
			}
		}
	}
	if shown == 0 {
		t.Error("README.md shows no command lines, or the test does not see them")
	}
}
