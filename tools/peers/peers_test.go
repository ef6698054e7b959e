package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"motile/proc/api"
	"motile/tools/peers/result"
)

// TestNothingThere: where nothing could be downloaded, the report says what is not
// measured, and why.
func TestNothingThere(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := haveLinux(); err == nil || !strings.Contains(err.Error(), linuxKernel) {
		t.Errorf("without Linux: %v", err)
	}
	p := new(peers)
	if err := criu(t.Context(), p); err != nil || len(p.result.Missing) != 1 || p.result.Missing[0].Peer != "CRIU" {
		t.Errorf("without CRIU: %v, %+v", err, p.result.Missing)
	}
	for _, f := range []string{linuxKernel, linuxArchive} {
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := haveLinux(); err != nil {
		t.Error(err)
	}
	if _, err := haveCRIU(); err == nil || !strings.Contains(err.Error(), criuPackages) {
		t.Errorf("with Linux, without CRIU: %v", err)
	}
}

// TestWithoutApt: the scripts say why there is nothing, and leave nothing behind.
func TestWithoutApt(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	for script, what := range map[string]string{"peers": "CRIU", "linux": "Linux"} {
		dir := filepath.Join(t.TempDir(), "out")
		c := exec.Command(shell, "../../scripts/"+script, dir)
		c.Env = []string{"PATH=" + t.TempDir()}
		out, err := c.CombinedOutput()
		if want := "without apt there is no " + what; err == nil || !strings.Contains(string(out), want) {
			t.Errorf("scripts/%s: %v, %q; want %q", script, err, out, want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("scripts/%s has made %s", script, dir)
		}
	}
}

func sampleOf(total, freeze float64) *moved {
	return &moved{
		total: result.Sample{total}, freeze: result.Sample{freeze}, bytes: result.Sample{1 << 20}, gap: result.Sample{freeze},
		steps: map[string]result.Sample{"restore": {1e6}, "dump": {2e6}},
	}
}

// TestJudgeMoves: the best of CRIU's modes is what we are held against, for each aspect by
// itself, and auto is ours where it is built.
func TestJudgeMoves(t *testing.T) {
	copying, auto := &way{strategy: "copy"}, &way{strategy: "auto"}
	full, iterative, broken := &way{mode: "full"}, &way{mode: "iterative", resident: true}, &way{mode: "lazy-pages", failed: errors.New("it broke")}
	p := new(peers)
	p.judgeMoves([]*way{copying, auto, full, iterative, broken}, map[*way]*moved{
		copying: sampleOf(20e6, 20e6), auto: sampleOf(30e6, 9e6), full: sampleOf(400e6, 300e6), iterative: sampleOf(900e6, 200e6), broken: {},
	}, smallWork, longMTU)
	type judged struct {
		name, peer string
		ratio      float64
		met        string
	}
	want := []judged{
		{"migrate --strategy copy", "CRIU's best: CRIU full, by command", 0.05, ""},
		{"migrate --strategy auto", "CRIU's best: CRIU full, by command", 0.075, "yes"},
		{"migrate --strategy auto", "CRIU full, by command", 0.075, ""},
		{"migrate --strategy auto", "CRIU iterative, resident", 30. / 900, ""},
		{"migrate --strategy copy", "CRIU's best: CRIU iterative, resident", 0.1, ""},
		{"migrate --strategy auto", "CRIU's best: CRIU iterative, resident", 0.045, "yes"},
		{"migrate --strategy auto", "CRIU full, by command", 0.03, ""},
		{"migrate --strategy auto", "CRIU iterative, resident", 0.045, ""},
	}
	if len(p.result.Rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(p.result.Rows), len(want))
	}
	for i, w := range p.result.Rows {
		got := judged{w.Name, w.Peer, w.Ratio, ""}
		if w.Met != nil {
			got.met = map[bool]string{true: "yes", false: "NO"}[*w.Met]
		}
		if got != want[i] {
			t.Errorf("row %d: %+v, want %+v", i, got, want[i])
		}
	}
	if note, want := p.result.Rows[2].Note, "images 1 MB; dump 2ms, restore 1ms"; note != want {
		t.Errorf("note %q, want %q", note, want)
	}
}

func TestOurNote(t *testing.T) {
	m := sampleOf(20e6, 10e6)
	if got, want := m.ourNote("copy"), "1 MB sent; the program's own clock missed 10ms"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m.report = api.MoveReport{Strategy: "hybrid", Left: 12}
	if got, want := m.ourNote("auto"), "1 MB sent; the program's own clock missed 10ms; the last one was by hybrid; 12 of its pages followed after it ran"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMoveLimit(t *testing.T) {
	for _, c := range []struct {
		aspect string
		size   int
		want   float64
	}{
		{"total", smallWork, smallTotal}, {"total", middle, 0}, {"total", largeWork, largeTotal},
		{"freeze", smallWork, freezeLimit}, {"freeze", largeWork, freezeLimit},
	} {
		if got := moveLimit(c.aspect, c.size); got != c.want {
			t.Errorf("%s of %d: %g, want %g", c.aspect, c.size, got, c.want)
		}
	}
}

func TestRates(t *testing.T) {
	if got := rates(result.Sample{1e9, 5e8}, 1e6); got[0] != 1 || got[1] != 2 {
		t.Errorf("1 MB in a second and in half of one: %v", got)
	}
}
