package record

import (
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sample() *Record {
	return &Record{
		Experiment: "try", Scale: Short, Seed: 7, Runs: 2, Began: time.Unix(1e9, 0).UTC(), Seconds: 3,
		Host: Host{CPU: "a CPU", CPUs: 2, Load: [2]string{"1", "2"}},
		Axes: []Axis{{"kb", []string{"0", "100"}}, {"strategy", []string{"copy"}}},
		Measurements: []Measurement{
			{Run: 0, Params: Params{"kb": "0", "strategy": "copy"}, Values: Values{"total_ms": 10, "freeze_ms": 4}},
			{Run: 0, Params: Params{"kb": "100", "strategy": "copy"}, Values: Values{"total_ms": 30.5}, Used: "precopy", Note: "as \"one\", anew"},
			{Run: 1, Params: Params{"kb": "100", "strategy": "copy"}, Without: "no room"},
		},
	}
}

func TestRecord_SavedAndLoaded(t *testing.T) {
	dir := t.TempDir()
	r := sample()
	for range 2 { // over itself, too
		if err := r.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(dir, "try")
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Fatalf("%+v, %v", got, err)
	}
	text, err := os.ReadFile(Path(dir, "try", "json"))
	if err != nil || strings.Count(string(text), "\n") != 5 {
		t.Errorf("%v; not a line for each measurement:\n%s", err, text)
	}
	if _, err := Load(dir, "other"); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := os.Rename(Path(dir, "try", "json"), Path(dir, "other", "json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, "other"); err == nil || !strings.Contains(err.Error(), `"try"`) {
		t.Error(err)
	}
}

func TestRecord_Empty(t *testing.T) {
	dir := t.TempDir()
	if err := (&Record{Experiment: "none"}).Save(dir); err != nil {
		t.Fatal(err)
	}
	if r, err := Load(dir, "none"); err != nil || len(r.Measurements) != 0 {
		t.Error(r, err)
	}
}

func TestRecord_CSV(t *testing.T) {
	want := `run,kb,strategy,freeze_ms,total_ms,without,used,note
0,0,copy,4,10,,,
0,100,copy,,30.5,,precopy,"as ""one"", anew"
1,100,copy,,,no room,,
`
	if got := string(sample().CSV()); got != want {
		t.Errorf("%s", got)
	}
}

func TestSet(t *testing.T) {
	all := sample().All()
	if n := len(all.Where("kb", "100", "strategy", "copy")); n != 2 {
		t.Errorf("%d of 100 KB", n)
	}
	if len(all.Where("kb", "100", "strategy", "other")) != 0 || len(all.Where("sort", "1")) != 0 {
		t.Error("found what is not there")
	}
	if got := all.Sample("total_ms"); !reflect.DeepEqual([]float64(got), []float64{10, 30.5}) {
		t.Error(got)
	}
	if got := append(all, all...).Without(); !reflect.DeepEqual(got, []string{"no room"}) {
		t.Error(got)
	}
	x, y := all.Points("kb", "total_ms")
	if len(x) != 2 || x[1] != 100 || y[1] != 30.5 {
		t.Error(x, y)
	}
}

func TestFit(t *testing.T) {
	l, ok := Fit([]float64{0, 100, 200, 300}, []float64{47, 427, 807, 1187})
	if !ok || math.Abs(l.A-47) > 1e-9 || math.Abs(l.B-3.8) > 1e-9 || math.Abs(l.R2-1) > 1e-9 {
		t.Errorf("%+v", l)
	}
	// 1, 3, 2 over 0, 1, 2: the mean is 2, the slope ½, and of the variance a quarter is explained.
	l, ok = Fit([]float64{0, 1, 2}, []float64{1, 3, 2})
	if !ok || math.Abs(l.A-1.5) > 1e-9 || math.Abs(l.B-0.5) > 1e-9 || math.Abs(l.R2-0.25) > 1e-9 {
		t.Errorf("%+v", l)
	}
	for _, x := range [][]float64{nil, {5}, {5, 5}} {
		if _, ok := Fit(x, x); ok {
			t.Errorf("a line through %v", x)
		}
	}
}
