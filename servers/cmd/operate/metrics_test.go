package operate

import (
	"strings"
	"testing"

	"motile/proc/api"
	"motile/servers/cmd/operate/metricstest"
)

var twoNodes = []NodeMetrics{
	{1, true, []api.Metric{
		{Name: "page_faults", Kind: api.Counter, Help: `Page faults, with "quotes" and \.`, Values: []api.MetricValue{{Value: 1e15 + 1}}},
		{Name: "frames", Kind: api.Counter, Help: "Frames.", Label: "direction", Values: []api.MetricValue{{Label: "in", Value: 3}, {Label: "out", Value: 4}}},
		{Name: "move_freeze", Kind: api.Histogram, Unit: "seconds", Help: "Frozen.", Label: "le", Sum: 0.25,
			Values: []api.MetricValue{{Label: "0.1", Value: 1}, {Label: "1.0", Value: 2}, {Label: "+Inf", Value: 2}}},
	}},
	{2, false, nil},
	{3, true, []api.Metric{
		{Name: "kernel_heap", Kind: api.Gauge, Unit: "bytes", Help: "Heap.", Values: []api.MetricValue{{Value: 4096}}},
		{Name: "page_faults", Kind: api.Counter, Help: "Page faults.", Values: []api.MetricValue{{Value: 7}}},
		{Name: "moved_in", Kind: api.Counter, Help: "None yet.", Label: "call"},
	}},
}

func TestWriteOpenMetrics(t *testing.T) {
	var b strings.Builder
	if err := WriteOpenMetrics(&b, twoNodes); err != nil {
		t.Fatal(err)
	}
	o, err := metricstest.Read(b.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	want := map[string]float64{
		`motile_node_up{node="1"}`: 1, `motile_node_up{node="2"}`: 0, `motile_node_up{node="3"}`: 1,
		`motile_page_faults_total{node="1"}`: 1e15 + 1, `motile_page_faults_total{node="3"}`: 7,
		`motile_frames_total{node="1",direction="in"}`: 3, `motile_frames_total{node="1",direction="out"}`: 4,
		`motile_kernel_heap_bytes{node="3"}`:                   4096,
		`motile_move_freeze_seconds_bucket{node="1",le="0.1"}`: 1, `motile_move_freeze_seconds_bucket{node="1",le="1.0"}`: 2,
		`motile_move_freeze_seconds_bucket{node="1",le="+Inf"}`: 2,
		`motile_move_freeze_seconds_count{node="1"}`:            2, `motile_move_freeze_seconds_sum{node="1"}`: 0.25,
	}
	for k, v := range want {
		if got, ok := o.Samples[k]; !ok || got != v {
			t.Errorf("%s is %v, want %v", k, got, v)
		}
	}
	if len(o.Samples) != len(want) || o.Kinds["motile_page_faults"] != "counter" || o.Helps["motile_page_faults"] != `Page faults, with \"quotes\" and \\.` {
		t.Errorf("%v\n%v\n%v", o.Samples, o.Kinds, o.Helps)
	}
}
