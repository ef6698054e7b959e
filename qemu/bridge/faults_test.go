package bridge

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func (r *rig) faults(f Faults) Faults {
	r.t.Helper()
	f, err := r.SetFaults(f)
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

// survivors sends n frames from n1 and returns the numbers that n2 gets, in order.
func survivors(t *testing.T, f Faults, n int) []int {
	r := newRig(t, 2, Options{})
	r.faults(f)
	for i := range n {
		r.send("n1", frame(addr(2), addr(1), i, 60))
	}
	r.await(func(s Stats) bool {
		to := s.Ports[1]
		return to.Lost+to.OutFrames-to.Duplicated == uint64(n)
	})
	r.faults(Faults{})
	r.send("n1", frame(addr(2), addr(1), n, 60)) // the end
	var got []int
	for {
		r.node["n2"].SetRecvDeadline(time.Now().Add(5 * time.Second))
		f, err := r.node["n2"].Recv()
		if err != nil {
			t.Fatal(err)
		}
		if number(f) == n {
			return got
		}
		got = append(got, number(f))
	}
}

func TestFaults_SameSeedSameFates(t *testing.T) {
	f := Faults{Loss: 0.3, Dup: 0.2, Seed: 42}
	a, b := survivors(t, f, 400), survivors(t, f, 400)
	if !slices.Equal(a, b) {
		t.Fatalf("two runs differ:\n%v\n%v", a, b)
	}
	if len(a) < 250 || len(a) > 430 {
		t.Fatalf("%d of 400 arrived, about 336 were to be expected", len(a))
	}
	f.Seed = 43
	if c := survivors(t, f, 400); slices.Equal(a, c) {
		t.Fatal("another seed, and nothing changed")
	}
}

func TestFaults_OneProbabilityDoesNotMoveTheOthers(t *testing.T) {
	lost := func(f Faults) (numbers []int) {
		d := newFates(7, "n1", "n2")
		for i := range 1000 {
			if d.next(&plan{Faults: f}).lose {
				numbers = append(numbers, i)
			}
		}
		return numbers
	}
	if !slices.Equal(lost(Faults{Loss: 0.1}), lost(Faults{Loss: 0.1, Dup: 0.5, Reorder: 0.5})) {
		t.Fatal("other frames are lost when some are doubled")
	}
	if slices.Equal(newFatesDraws("n1", "n2"), newFatesDraws("n2", "n1")) {
		t.Fatal("both directions share their fate")
	}
}

func newFatesDraws(from, to string) (v []bool) {
	d := newFates(7, from, to)
	for range 100 {
		v = append(v, d.next(&plan{Faults: Faults{Loss: 0.5}}).lose)
	}
	return v
}

func TestFaults_LossAndDuplicationAreCounted(t *testing.T) {
	r := newRig(t, 2, Options{})
	r.faults(Faults{Loss: 1})
	r.send("n1", frame(addr(2), addr(1), 1, 60))
	r.silent("n2")
	r.faults(Faults{Dup: 1})
	r.send("n1", frame(addr(2), addr(1), 2, 60))
	r.want("n2", 2, 2)
	if s := r.stats("n2"); s.Lost != 1 || s.Duplicated != 1 || s.OutFrames != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestFaults_ReorderSwaps(t *testing.T) {
	r := newRig(t, 2, Options{})
	r.faults(Faults{Reorder: 0.5, Seed: 1})
	const n = 200
	for i := range n {
		r.send("n1", frame(addr(2), addr(1), i, 60))
	}
	seen := make([]int, n)
	early, last := 0, -1
	for range n { // none is lost, not even when the last is held back
		f, err := r.node["n2"].Recv()
		if err != nil {
			t.Fatal(err)
		}
		seen[number(f)]++
		if number(f) < last {
			early++
		}
		last = max(last, number(f))
	}
	for i, c := range seen {
		if c != 1 {
			t.Fatalf("frame %d came %d times", i, c)
		}
	}
	if s := r.stats("n2"); early == 0 || s.Reordered < n/4 {
		t.Fatalf("%d overtaken, %+v", early, s)
	}
}

func TestFaults_DelayDelays(t *testing.T) {
	r := newRig(t, 2, Options{})
	r.faults(Faults{Delay: 50 * time.Millisecond})
	start := time.Now()
	r.send("n1", frame(addr(2), addr(1), 1, 60), frame(addr(2), addr(1), 2, 60))
	r.want("n2", 1, 2)
	if d := time.Since(start); d < 50*time.Millisecond {
		t.Fatalf("came after %v", d)
	}
	r.faults(Faults{Delay: time.Minute})
	r.send("n1", frame(addr(2), addr(1), 3, 60))
	r.await(func(s Stats) bool { return s.Ports[1].Delayed == 3 })
	r.faults(Faults{}) // what is under way arrives
	r.want("n2", 3)
}

func TestFaults_PartitionAndHeal(t *testing.T) {
	r := newRig(t, 4, Options{})
	r.faults(Faults{Partition: "1,2/3"})
	r.send("n1", frame(broadcast, addr(1), 1, 60))
	r.want("n2", 1)
	r.want("n4", 1) // in no set: hears everybody
	r.silent("n3")
	if s := r.stats("n3"); s.Partitioned != 1 {
		t.Fatalf("%+v", s)
	}
	r.faults(Faults{})
	r.send("n1", frame(broadcast, addr(1), 2, 60))
	r.want("n3", 2)
}

func TestFaults_ApplyToPortsThatComeLater(t *testing.T) {
	r := newRig(t, 1, Options{})
	r.faults(Faults{Loss: 1})
	r.add("n2")
	r.send("n1", frame(broadcast, addr(1), 1, 60))
	r.silent("n2")
}

func TestFaults_SeedIsPickedAndReported(t *testing.T) {
	r := newRig(t, 0, Options{})
	if f := r.faults(Faults{Loss: 0.5}); f.Seed == 0 || r.Faults() != f {
		t.Fatalf("%+v, in force %+v", f, r.Faults())
	}
	if f := r.faults(Faults{Seed: 5}); !f.Perfect() || f.Seed != 0 {
		t.Fatalf("%+v", f)
	}
}

func TestFaults_Validate(t *testing.T) {
	for _, f := range []Faults{{Loss: 1.5}, {Dup: -1}, {Reorder: 2}, {Delay: -1}, {Rate: 10}, {Partition: "1,1/2"}} {
		if f.Validate() == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}

func TestPartition(t *testing.T) {
	for _, c := range []struct {
		sets, a, b string
		cuts       bool
	}{
		{"", "n1", "n2", false},
		{"1,2/3", "n1", "n2", false},
		{"1,2/3", "n1", "n3", true},
		{"1,2/3", "n3", "n1", true},
		{"1,2/3", "n1", "n4", false},
		{"1,2/3", "host-1", "n3", false},
		{"1/2,host", "n1", "host-3", true},
		{"1/2,host-3", "n1", "host-4", false},
		{"1/2", "n1.1", "n2", true},
		{"1/2", "n11", "n2", false},
		{"1/2/3", "n2", "n3", true},
	} {
		p, err := ParsePartition(c.sets)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Cuts(c.a, c.b); got != c.cuts {
			t.Errorf("%q cuts %s from %s: %v", c.sets, c.a, c.b, got)
		}
	}
	ports := []string{"n1", "n2.1"}
	for sets, want := range map[string]string{"1/2": "", "1,host/2": "", "1/2,3": "n3", "1/host-7": "host-7"} {
		p, err := ParsePartition(sets)
		if got := p.Missing(ports); got != want || err != nil {
			t.Errorf("%q names %q, want %q; %v", sets, got, want, err)
		}
	}
	for _, bad := range []string{"1", "1,2", "1//2", "/", "1,/2", "1/1"} {
		if _, err := ParsePartition(bad); err == nil || !strings.Contains(err.Error(), "partition") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// at reads a line at a time given in milliseconds.
func at(l *line, ms int) (numbers []int) {
	for {
		f, ok := l.pop(time.UnixMilli(int64(ms)))
		if !ok {
			return numbers
		}
		numbers = append(numbers, int(f[0]))
	}
}

func TestLine_KeepsOrderAndSpeed(t *testing.T) {
	l := &line{rate: 8000, delay: 10 * time.Millisecond} // a byte a millisecond
	start := time.UnixMilli(0)
	for i := range 3 {
		l.push(start, 0, append([]byte{byte(i)}, make([]byte, 9)...))
	}
	for _, c := range []struct {
		ms   int
		want []int
	}{{19, nil}, {20, []int{0}}, {29, nil}, {45, []int{1, 2}}} {
		if got := at(l, c.ms); !slices.Equal(got, c.want) {
			t.Errorf("at %d ms: %v, want %v", c.ms, got, c.want)
		}
	}
	if l.bytes != 0 {
		t.Errorf("%d bytes left in an empty line", l.bytes)
	}
}

func TestLine_HoldsBackUntilTheNext(t *testing.T) {
	l := &line{}
	now := time.UnixMilli(0)
	l.hold(now, 0, []byte{0})
	l.hold(now, 0, []byte{1})
	if got := at(l, 0); got != nil {
		t.Fatal(got)
	}
	l.push(now, 0, []byte{2})
	if got := at(l, 0); !slices.Equal(got, []int{2, 0, 1}) {
		t.Fatal(got)
	}
	l.hold(now, 0, []byte{3})
	if due, ok := l.next(); !ok || due.Sub(now) != holdBack {
		t.Fatal(due, ok)
	}
	if got := at(l, 20); !slices.Equal(got, []int{3}) {
		t.Fatal(got)
	}
}

func TestLine_ShapedQueueIsBounded(t *testing.T) {
	l := &line{rate: 10e6} // 125,000 bytes in 100 ms
	now := time.UnixMilli(0)
	n := 0
	for l.push(now, 0, make([]byte, 1250)) {
		n++
	}
	if n != 101 {
		t.Fatalf("%d frames fit", n)
	}
	if !l.push(now.Add(2*time.Millisecond), 0, make([]byte, 1250)) {
		t.Fatal("no room after a frame has left")
	}
}

func TestLine_BytesAreBounded(t *testing.T) {
	l := &line{delay: time.Hour}
	l.bytes = lineBytes - 100
	if l.push(time.UnixMilli(0), 0, make([]byte, 101)) || !l.push(time.UnixMilli(0), 0, make([]byte, 100)) {
		t.Fatal("the bound is elsewhere")
	}
}

func TestLine_LateFramesAreOvertaken(t *testing.T) {
	l := &line{delay: time.Millisecond}
	now := time.UnixMilli(0)
	for i, late := range []int{5, 2, 5, 0} {
		l.push(now, time.Duration(late)*time.Millisecond, []byte{byte(i)})
	}
	for _, c := range []struct {
		ms   int
		want []int
	}{{0, nil}, {1, []int{3}}, {3, []int{1}}, {6, []int{0, 2}}} {
		if got := at(l, c.ms); !slices.Equal(got, c.want) {
			t.Errorf("at %d ms: %v, want %v", c.ms, got, c.want)
		}
	}
}

func TestFaults_JitterIsUniformAndRepeatable(t *testing.T) {
	draw := func(seed uint64) (late []float64) {
		d := newFates(seed, "n1", "n2")
		for range 1000 {
			late = append(late, d.next(&plan{}).late)
		}
		return late
	}
	a := draw(1)
	if !slices.Equal(a, draw(1)) || slices.Equal(a, draw(2)) {
		t.Fatal("how late frames are is not the seed's")
	}
	sum, early := 0.0, 0
	for _, v := range a {
		if sum += v; v < 0.1 {
			early++
		}
	}
	if sum < 450 || sum > 550 || early < 60 || early > 140 {
		t.Fatalf("sum %v, %d in the first tenth", sum, early)
	}
}

func TestFaults_JitterOnAWire(t *testing.T) {
	r := newRig(t, 2, Options{})
	r.faults(Faults{Delay: time.Millisecond, Jitter: 30 * time.Millisecond, Seed: 3})
	const n = 50
	start := time.Now()
	for i := range n {
		r.send("n1", frame(addr(2), addr(1), i, 60))
	}
	var got []int
	for range n {
		r.node["n2"].SetRecvDeadline(time.Now().Add(5 * time.Second))
		f, err := r.node["n2"].Recv()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, number(f))
	}
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("all came within %v", took)
	}
	if slices.IsSorted(got) {
		t.Error("no frame overtook another")
	}
	slices.Sort(got)
	for i, v := range got {
		if v != i {
			t.Fatalf("frame %d: %v", i, got)
		}
	}
}
