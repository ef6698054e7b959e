package result

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestStat(t *testing.T) {
	for _, c := range []struct {
		in   Sample
		want Stat
	}{
		{Sample{3}, Stat{3, 3, 3, 1}},
		{Sample{2, 1}, Stat{1.5, 1, 2, 2}},
		{Sample{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, Stat{5.5, 1, 9, 10}},
	} {
		if got := c.in.Stat(); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.in, got, c.want)
		}
	}
}

// TestTarget: of times less is better, of rates more; a short run judges nothing.
func TestTarget(t *testing.T) {
	for _, c := range []struct {
		unit         Unit
		ours, theirs float64
		limit        float64
		short        bool
		met          string
		lost         bool
	}{
		{Ns, 50, 100, 0.5, false, "yes", false},
		{Ns, 51, 100, 0.5, false, "**NO**", false},
		{Ns, 101, 100, 1.5, false, "yes", true},
		{MBs, 80, 100, 0.8, false, "yes", true},
		{MBs, 79, 100, 0.8, false, "**NO**", true},
		{MBs, 120, 100, 1, false, "yes", false},
		{MBs, 120, 100, 1, true, "", false},
	} {
		r := Result{Short: c.short}
		r.Add("suite", "ours", "theirs", c.unit, Sample{c.ours}, Sample{c.theirs})
		r.Target(c.limit)
		w := r.Rows[0]
		if w.verdict() != c.met || w.Lost() != c.lost {
			t.Errorf("%+v: met %q, lost %v", c, w.verdict(), w.Lost())
		}
		if lost := strings.Contains(w.note(), "we lose"); lost != c.lost {
			t.Errorf("%+v: the note is %q", c, w.note())
		}
	}
}

func example() *Result {
	r := &Result{CPUs: 2, QEMU: "QEMU 7.2", Peers: []string{"Linux 6.1", "CRIU 3.17"}, Runs: 3, Took: "4s", Load: [2]string{"1", "2"}}
	r.Add("Messages", "null trans", "UDP", Ns, Sample{200e3, 210e3, 220e3}, Sample{500e3, 400e3, 600e3})
	r.Target(0.8)
	r.Add("Messages", "1 MB", "TCP", MBs, Sample{85}, Sample{120}).Note = "as a request"
	r.Add("Moves", "copy", "full", Ns, Sample{81.6e6}, Sample{1.17e9})
	r.Miss("lazy pages", errors.New("the kernel\nlacks userfaultfd."))
	return r
}

func TestMarkdown(t *testing.T) {
	const want = `**Messages**

| ours | peer | ours: median | p10–p90 | n | peer: median | p10–p90 | n | ratio | target | met? |  |
|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|
| null trans | UDP | 210µs | 200µs – 220µs | 3 | 500µs | 400µs – 600µs | 3 | 0.42 | ≤ 0.8 | yes |  |
| 1 MB | TCP | 85.0 MB/s | 85.0 MB/s – 85.0 MB/s | 1 | 120.0 MB/s | 120.0 MB/s – 120.0 MB/s | 1 | 0.708 | – |  | **we lose**, 1.41 ×; as a request |

**Moves**

| ours | peer | ours: median | p10–p90 | n | peer: median | p10–p90 | n | ratio | target | met? |  |
|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|
| copy | full | 81.6ms | 81.6ms – 81.6ms | 1 | 1.17s | 1.17s – 1.17s | 1 | 0.0697 | – |  |  |

Not measured: lazy pages, because the kernel lacks userfaultfd.

0001-01-01; 2 host CPUs; QEMU 7.2; against Linux 6.1, CRIU 3.17; load average before 1, after 2; 3 runs taken in turns, 4s in all.
`
	if got := example().Markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBusy(t *testing.T) {
	for load, want := range map[string]bool{"0.40 0.20 0.10": false, "2.00 9.00 9.00": false, "2.10 0.10 0.10": true, "unknown": false} {
		r := example()
		r.Load[0] = load
		if got := strings.Contains(r.Conditions(), "provisional"); got != want {
			t.Errorf("load %s: provisional %v, want %v", load, got, want)
		}
	}
}

func TestSaveLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results", "peers.json")
	want := example()
	if err := want.Save(file); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := example().Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"null trans  UDP", "we lose, 1.41 ×", "Not measured: lazy pages"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &b)
		}
	}
}
