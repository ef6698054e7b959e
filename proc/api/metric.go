package api

// MetricsReply is what a node counts and measures.
type MetricsReply struct {
	Node    int      `cbor:"1,keyasint" json:"node"`
	Metrics []Metric `cbor:"2,keyasint" json:"metrics"`
}

// Metric is one thing counted or measured. What it is called for those who collect such
// things follows from it by the rules of OpenMetrics: motile_ before the name, the unit
// behind it.
type Metric struct {
	Name string     `cbor:"1,keyasint" json:"name"`
	Kind MetricKind `cbor:"2,keyasint" json:"kind"`
	Unit string     `cbor:"3,keyasint,omitempty" json:"unit,omitempty"` // seconds, bytes; "": it is a number
	Help string     `cbor:"4,keyasint" json:"help"`
	// Label is the name of what tells its values apart; "": there is one.
	Label  string        `cbor:"5,keyasint,omitempty" json:"label,omitempty"`
	Values []MetricValue `cbor:"6,keyasint" json:"values"`
	Sum    float64       `cbor:"7,keyasint,omitempty" json:"sum,omitempty"` // of a histogram: of all that was observed
}

// MetricValue is one value, by the label if there is one. The labels of a histogram are
// upper bounds, the last "+Inf", and its values count what was not above them.
type MetricValue struct {
	Label string  `cbor:"1,keyasint,omitempty" json:"label,omitempty"`
	Value float64 `cbor:"2,keyasint" json:"value"`
}

// MetricKind says what the values of a metric do.
type MetricKind string

const (
	Counter   MetricKind = "counter" // only grows, until the node is restarted
	Gauge     MetricKind = "gauge"
	Histogram MetricKind = "histogram"
)
