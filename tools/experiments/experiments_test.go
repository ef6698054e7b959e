package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"motile/tools/experiments/record"
)

// TestDocument: EXPERIMENTS.md and the figures are what the results say.
func TestDocument(t *testing.T) {
	t.Chdir("../..")
	text, files, err := document(resultsDir, resultsDir)
	if err != nil {
		t.Fatal(err)
	}
	same := func(path string, want []byte) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the results say (%v): go run ./tools/experiments -render", path, err)
		}
	}
	same(documentFile, text)
	for name, content := range files {
		same(filepath.Join(resultsDir, name), content)
	}
	there, err := os.ReadDir(resultsDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range there {
		name, of := strings.CutSuffix(f.Name(), ".json")
		if of = of && find(name) != nil; !of && files[f.Name()] == nil {
			t.Errorf("%s: nobody makes %s", resultsDir, f.Name())
		}
	}
	for _, e := range experiments {
		if _, err := record.Load(resultsDir, e.name); err != nil {
			t.Error(err)
		}
	}
}

// TestDocument_Links: what the document shows is there, and what is asked has a verdict.
func TestDocument_Links(t *testing.T) {
	t.Chdir("../..")
	text, files, err := document(resultsDir, "at")
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, m := range regexp.MustCompile(`!\[[^]]*\]\(at/([^)]*)\)`).FindAllSubmatch(text, -1) {
		shown[string(m[1])] = true
	}
	for name := range files {
		if strings.HasSuffix(name, ".svg") != shown[name] {
			t.Errorf("%s: shown is %v", name, shown[name])
		}
	}
	for name := range shown {
		if files[name] == nil {
			t.Errorf("%s is shown, and nobody makes it", name)
		}
	}
	for _, e := range experiments {
		if !bytes.Contains(text, []byte("\n## "+e.name+"\n")) {
			t.Errorf("nothing about %s", e.name)
		}
	}
	for _, target := range []string{"10 Mbit/s", "a ≤ 47", "b ≤ 1.0", "1.25 ×", "freeze ≤ 15 ms", "longest unmoved gap + 15", "freeze ≤ 12 ms", "total ≤ 15 ms", "fork+exec+exit"} {
		if !bytes.Contains(text, []byte(target)) {
			t.Errorf("nothing of the target %q", target)
		}
	}
}

// TestDocument_Nothing: without records the document says so, and how to make one.
func TestDocument_Nothing(t *testing.T) {
	text, files, err := document(t.TempDir(), "")
	if err != nil || len(files) != 0 || strings.Count(string(text), "no record of it yet") != len(experiments) {
		t.Errorf("%v, %d files:\n%s", err, len(files), text)
	}
	broken := t.TempDir()
	if err := os.WriteFile(record.Path(broken, "figure1", "json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := document(broken, ""); err == nil || !strings.Contains(err.Error(), "figure1.json") {
		t.Error(err)
	}
}

func tryLab(runs int, seed uint64) *lab {
	s := &series{scale: record.Short, runs: runs, seed: seed, progress: io.Discard}
	return newLab(context.Background(), s, figure1, nil)
}

// TestEach: every combination in every run, the first axis changing least often; what is
// impossible is part of the record; the same seed gives the same order.
func TestEach(t *testing.T) {
	axes := []record.Axis{{Name: "net", Values: []string{"slow", "fast"}}, {Name: "kb", Values: texts(0, 1, 2, 3)}}
	measured := func(seed uint64) (order []string, l *lab) {
		l = tryLab(3, seed)
		err := l.each(t.Context(), axes, func(_ context.Context, p record.Params) (m record.Measurement, err error) {
			order = append(order, p["net"]+p["kb"])
			if p["kb"] == "3" {
				return m, impossible{errors.New("too much")}
			}
			return record.Measurement{Values: record.Values{"total_ms": 1}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return order, l
	}
	order, l := measured(1)
	again, _ := measured(1)
	other, _ := measured(2)
	if !slices.Equal(order, again) || slices.Equal(order, other) {
		t.Errorf("seed 1: %v, %v; seed 2: %v", order, again, other)
	}
	r := l.finish()
	for run := range 3 {
		changes := 0
		for i, m := range r.Measurements[run*8 : (run+1)*8] {
			if m.Run != run {
				t.Errorf("run %d: %+v", run, m)
			}
			if i > 0 && m.Params["net"] != r.Measurements[run*8+i-1].Params["net"] {
				changes++
			}
		}
		if changes != 1 {
			t.Errorf("run %d: the first axis changed %d times", run, changes)
		}
	}
	all := r.All()
	if len(all) != 24 || len(all.Sample("total_ms")) != 18 || withoutCount(all.Where("kb", "3")) != 6 || !slices.Equal(all.Without(), []string{"too much"}) {
		t.Errorf("%d measurements, %v", len(all), all.Without())
	}
	if !slices.Equal(r.Axis("kb"), texts(0, 1, 2, 3)) {
		t.Error(r.Axes)
	}
	failure := errors.New("the cluster is gone")
	err := l.each(t.Context(), axes, func(context.Context, record.Params) (m record.Measurement, err error) { return m, failure })
	if !errors.Is(err, failure) {
		t.Error(err)
	}
}

func TestDeclare_Joins(t *testing.T) {
	l := tryLab(1, 1)
	l.declare([]record.Axis{{Name: "n", Values: texts(0, 1)}})
	l.declare([]record.Axis{{Name: "n", Values: texts(1, 5)}, {Name: "where", Values: []string{"here"}}})
	if !slices.Equal(l.rec.Axis("n"), texts(0, 1, 5)) || len(l.rec.Axes) != 2 {
		t.Error(l.rec.Axes)
	}
}

func TestLongestGap(t *testing.T) {
	s := new(subject)
	for _, text := range []string{"ready", "beat 1 0", "beat 1 90000000", "beat 1 95000000", "touched 7 ff", "beat 2 120000000", "beat 2 125000000"} {
		s.seen = append(s.seen, line{text: text})
	}
	if got := s.longestGap(2); got != 25 {
		t.Errorf("%v ms", got)
	}
	if l, err := s.firstBeatOn(t.Context(), 2, 2); err != nil || l.text != "beat 2 120000000" {
		t.Error(l, err)
	}
}

func TestExchanges(t *testing.T) {
	e := exchanges{{0, 1e6}, {1e6, 3e6}, {4e6, 14e6}}
	took, gap := e.seen()
	if took.Quantile(1) != 10 || took.Quantile(0) != 1 || gap != 11 {
		t.Error(took, gap)
	}
}

func TestRun_Refuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-run nonsense", "no experiment"}, {"-run figure1,", "no experiment"}, {"-short -once", "one of"}, {"figure1", "no arguments"},
	} {
		if err := run(t.Context(), strings.Fields(test.args)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.args, err)
		}
	}
	if err := run(t.Context(), []string{"-help"}); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	var out strings.Builder
	if err := listTo(&out); err != nil || strings.Count(out.String(), "\n") != len(experiments) {
		t.Error(err, out.String())
	}
}

// TestAgain: the line that a section ends with is one that the program takes.
func TestAgain(t *testing.T) {
	for _, scale := range []record.Scale{record.Full, record.Short, record.Once} {
		got := again(&record.Record{Experiment: "chain", Scale: scale, Runs: 3, Seed: 9})
		if !strings.HasPrefix(got, "make experiments EXP=chain EXPFLAGS='") || !strings.Contains(got, "-runs 3 -seed 9") ||
			strings.Contains(got, "-"+string(scale)) != (scale != record.Full) {
			t.Error(got)
		}
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 3: "3", 0.126: "0.13", 47.04: "47.0", 430.4: "430", 1e6: "1000000", -0.05: "-0.05"} {
		if got := figure(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
	for want, s := range map[string][]float64{"–": nil, "7": {7}, "7.50 (7–8)": {8, 7}, "3 (1–5)": {1, 2, 3, 4, 5}} {
		if got := spread(s); got != want {
			t.Errorf("%v is %s, want %s", s, got, want)
		}
	}
	for kb, want := range map[string]string{"0": "0 KB", "100": "100 KB", "1024": "1 MB", "65536": "64 MB", "1000": "1000 KB"} {
		if got := size(kb); got != want {
			t.Errorf("%s KB is %s, want %s", kb, got, want)
		}
	}
}

// What is not met is explained.
func TestWhys(t *testing.T) {
	for _, w := range whys {
		if got, ok := why(w.target + " and so on"); !ok || got != w.why {
			t.Errorf("%q is told for %q", got, w.target)
		}
	}
	missed := false
	p := &page{name: "speed", targets: []verdict{{"first", "1", &missed}}}
	if text := summary([]*page{p}).String(); strings.Contains(text, "Why") || !strings.Contains(text, "| first | 1 | **NOT met** | [speed](#speed) |") {
		t.Error(text)
	}
	if len(whys) > 0 {
		p.targets = append(p.targets, verdict{whys[0].target, "2", &missed}, verdict{whys[0].target + ", again", "3", &missed})
		if text := summary([]*page{p}).String(); strings.Count(text, whys[0].why) != 1 {
			t.Error(text)
		}
	}
}
