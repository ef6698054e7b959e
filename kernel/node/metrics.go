package node

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"motile/proc/api"
)

// metrics are what the node counts and measures. Names have no unit: it is added by who
// prints them.
func (n *Node) metrics() []api.Metric {
	load := n.load()
	const kb = 1 << 10
	threads := 0
	for _, p := range n.Tab.Processes() {
		threads += len(p.Threads)
	}
	box := &n.ipc.m.Box().Stats
	return slices.Concat([]api.Metric{
		gauge("uptime", "seconds", "Time since the node was started.", float64(n.Tab.Now-n.began)/1e9),
		gauge("processes", "", "Processes on the node.", float64(load.Processes)),
		gauge("threads", "", "Their threads.", float64(threads)),
		gauge("runnable_threads", "", "Threads that could run now.", float64(load.Runnable)),
		gauge("memory_size", "bytes", "Memory of the machine.", float64(load.TotalKB)*kb),
		gauge("memory_free", "bytes", "Memory that programs can have.", float64(load.FreeKB)*kb),
		gauge("kernel_heap", "bytes", "Memory that the kernel's heap takes.", float64(load.HeapKB)*kb),
		gauge("segments", "", "Segments that wait to be read.", float64(n.liveSegments())),
		counter("out_of_memory_kills", "", "Processes killed because no memory was left.", uint64(n.K.OutOfMemory)),
		counter("system_calls", "", "System calls of programs.", n.calls),
		counter("page_faults", "", "Page faults of programs.", n.faults),
		counter("denied", "", "Requests refused for their capability.", uint64(n.denied)),
		counter("strangers", "", "Broadcasts that were not from this cluster.", uint64(n.strangers)),
		byLabel("frames", "", "Frames received from and sent to the cluster's networks.", "direction", "in", box.FramesIn, "out", box.FramesOut),
		byLabel("frame", "bytes", "Bytes in them, with Ethernet headers.", "direction", "in", box.BytesIn, "out", box.BytesOut),
		counter("frames_dropped", "", "Frames that were not sent because a card had no room.", n.unsent),
	}, n.flights.count.metrics(), []api.Metric{
		events("flip", "What the FLIP box did and refused, by the names of flip.Stats.", *box),
		events("rpc", "What the RPC machine did and refused, by the names of rpc.Stats.", n.ipc.m.Stats),
		events("raw", "What programs' raw FLIP did and refused, by the names of raw.Stats.", n.ipc.raw.Stats),
		n.movedInMetric(),
	})
}

func gauge(name, unit, help string, v float64) api.Metric {
	return api.Metric{Name: name, Kind: api.Gauge, Unit: unit, Help: help, Values: []api.MetricValue{{Value: v}}}
}

func counter(name, unit, help string, v uint64) api.Metric {
	return api.Metric{Name: name, Kind: api.Counter, Unit: unit, Help: help, Values: []api.MetricValue{{Value: float64(v)}}}
}

// byLabel is a counter of values that a label tells apart: labels and values take turns.
func byLabel(name, unit, help, label string, values ...any) api.Metric {
	m := api.Metric{Name: name, Kind: api.Counter, Unit: unit, Help: help, Label: label}
	for i := 0; i < len(values); i += 2 {
		m.Values = append(m.Values, api.MetricValue{Label: values[i].(string), Value: float64(values[i+1].(uint64))})
	}
	return m
}

// events is a counter of the fields of a protocol's Stats.
func events(name, help string, stats any) api.Metric {
	m := api.Metric{Name: name, Kind: api.Counter, Help: help, Label: "event"}
	v := reflect.ValueOf(stats)
	for i := range v.NumField() {
		m.Values = append(m.Values, api.MetricValue{Label: v.Type().Field(i).Name, Value: float64(v.Field(i).Uint())})
	}
	return m
}

func (n *Node) movedInMetric() api.Metric {
	m := api.Metric{Name: "moved_in", Kind: api.Counter, Help: "Threads that have arrived in the middle of a system call, by its number.", Label: "call"}
	for _, nr := range slices.Sorted(maps.Keys(n.movedIn)) {
		m.Values = append(m.Values, api.MetricValue{Label: strconv.FormatUint(uint64(nr), 10), Value: float64(n.movedIn[nr])})
	}
	return m
}
