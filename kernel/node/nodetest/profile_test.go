package nodetest

import (
	"slices"
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// fakeSampler has a sample whenever it is asked while it is on.
type fakeSampler struct {
	period int64
	begun  int
	pid    int32
}

func (f *fakeSampler) Sample(period int64) {
	if f.period = period; period != 0 {
		f.begun++
	}
}

func (f *fakeSampler) Samples() (r api.ProfileReply) {
	if f.period != 0 {
		r.Samples = []api.ProfileSample{{Addresses: []uint64{1, 2}}, {PID: f.pid, Addresses: []uint64{3}}, {PID: 1999999, Addresses: []uint64{4}}}
	}
	return r
}

// profile is what a node answers.
func (w *World) profile(q api.ProfileRequest) (r api.ProfileReply) {
	w.T.Helper()
	data, err := image.Marshal(q)
	if err == nil {
		err = image.Unmarshal(w.ask(w.Key.NodeCap(1), std.Header{Command: api.Profile}, data).Data, &r)
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

func TestProfile(t *testing.T) {
	w := New(t, 1, 1)
	begin := api.ProfileRequest{Begin: true, PeriodNs: 1e6}
	if r := w.profile(begin); !strings.Contains(r.Refused, "no timer") {
		t.Errorf("a machine without a sampler: %+v", r)
	}
	pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject())).PID
	f := &fakeSampler{pid: pid}
	w.Nodes[1].Sampler = f
	for _, q := range []api.ProfileRequest{{}, {End: true}, {Begin: true}, {Begin: true, PeriodNs: 10}, {Begin: true, PeriodNs: 1e12}, {Begin: true, PeriodNs: -1}} {
		if r := w.profile(q); r.Refused == "" || f.begun != 0 {
			t.Errorf("%+v: %+v", q, r)
		}
	}
	if r := w.profile(begin); r.Refused != "" || f.period != 1e6 {
		t.Fatalf("%+v", r)
	}
	r := w.profile(api.ProfileRequest{})
	if len(r.Samples) != 3 || !slices.Equal(r.Samples[0].Addresses, []uint64{1, 2}) || len(r.Commands) != 1 || r.Commands[pid] == "" {
		t.Errorf("%+v", r)
	}
	if r := w.profile(begin); !strings.Contains(r.Refused, "somebody else") {
		t.Errorf("a second one: %+v", r)
	}
	// Whoever asks goes on, as long as that is; who dies is missed after the lease.
	for range 5 {
		w.Run(api.ProfileLease - 1e9)
		if r := w.profile(api.ProfileRequest{}); r.Refused != "" {
			t.Fatal(r.Refused)
		}
	}
	w.Run(api.ProfileLease + 1e9)
	if f.period != 0 {
		t.Error("it is sampled still, although nobody has asked for long")
	}
	if r := w.profile(api.ProfileRequest{}); !strings.Contains(r.Refused, "is not being profiled") {
		t.Errorf("%+v", r)
	}
	if r := w.profile(begin); r.Refused != "" || f.begun != 2 {
		t.Errorf("a new one after that: %+v", r)
	}
	if r := w.profile(api.ProfileRequest{End: true}); r.Refused != "" || len(r.Samples) == 0 || f.period != 0 {
		t.Errorf("the end: %+v", r)
	}
}
