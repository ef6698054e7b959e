package operate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"motile/proc/api"
)

// metricsPatience is how long a node has to answer: who collects metrics asks again soon.
const metricsPatience = 2 * time.Second

// NodeMetrics are what a node counts and measures, or that it does not answer.
type NodeMetrics struct {
	Node    int          `json:"node"`
	Up      bool         `json:"up"`
	Metrics []api.Metric `json:"metrics,omitempty"`
}

// Metrics prints what nodes count and measure, as OpenMetrics text. A node that does not
// answer is down, and that is no error.
func (e *Env) Metrics(ctx context.Context, nodes []int) error {
	ctx, cancel := context.WithTimeout(ctx, metricsPatience)
	defer cancel()
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	all := make([]NodeMetrics, len(nodes))
	var wg sync.WaitGroup
	for i, number := range nodes {
		wg.Go(func() {
			m, err := e.Client.Node(number).Metrics(ctx)
			all[i] = NodeMetrics{number, err == nil, m}
		})
	}
	wg.Wait()
	if e.JSON {
		return PrintJSON(e.Out, all)
	}
	return WriteOpenMetrics(e.Out, all)
}

// WriteOpenMetrics writes metrics of several nodes as OpenMetrics has it, version 1.0.0:
// https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
// All values of a metric stand together, so nodes take turns inside of it.
func WriteOpenMetrics(w io.Writer, nodes []NodeMetrics) error {
	var b strings.Builder
	up := api.Metric{Name: "node_up", Kind: api.Gauge, Help: "Whether the node answers."}
	head(&b, &up)
	for _, n := range nodes {
		value := 0.0
		if n.Up {
			value = 1
		}
		line(&b, family(&up), []string{"node", strconv.Itoa(n.Node)}, value)
	}
	for _, m := range families(nodes) {
		head(&b, m)
		for _, n := range nodes {
			if i := slices.IndexFunc(n.Metrics, func(other api.Metric) bool { return family(&other) == family(m) }); i >= 0 {
				samples(&b, n.Node, &n.Metrics[i])
			}
		}
	}
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// families are the metrics that any of the nodes has, one of each, by name.
func families(nodes []NodeMetrics) (all []*api.Metric) {
	for _, n := range nodes {
		for i := range n.Metrics {
			all = append(all, &n.Metrics[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *api.Metric) int { return cmp.Compare(family(a), family(b)) })
	return slices.CompactFunc(all, func(a, b *api.Metric) bool { return family(a) == family(b) })
}

// family is the name of a metric without what its kind adds.
func family(m *api.Metric) string {
	if m.Unit == "" {
		return "motile_" + m.Name
	}
	return "motile_" + m.Name + "_" + m.Unit
}

func head(b *strings.Builder, m *api.Metric) {
	fmt.Fprintf(b, "# TYPE %s %s\n", family(m), m.Kind)
	if m.Unit != "" {
		fmt.Fprintf(b, "# UNIT %s %s\n", family(m), m.Unit)
	}
	fmt.Fprintf(b, "# HELP %s %s\n", family(m), escaped(m.Help))
}

func samples(b *strings.Builder, node int, m *api.Metric) {
	suffix := map[api.MetricKind]string{api.Counter: "_total", api.Histogram: "_bucket"}[m.Kind]
	for _, v := range m.Values {
		labels := []string{"node", strconv.Itoa(node)}
		if m.Label != "" {
			labels = append(labels, m.Label, v.Label)
		}
		line(b, family(m)+suffix, labels, v.Value)
	}
	if m.Kind == api.Histogram && len(m.Values) > 0 {
		labels := []string{"node", strconv.Itoa(node)}
		line(b, family(m)+"_count", labels, m.Values[len(m.Values)-1].Value)
		line(b, family(m)+"_sum", labels, m.Sum)
	}
}

// line is one sample; labels are names and values in turn.
func line(b *strings.Builder, name string, labels []string, value float64) {
	b.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		fmt.Fprintf(b, `%c%s="%s"`, "{,"[min(i, 1)], labels[i], escaped(labels[i+1]))
	}
	fmt.Fprintf(b, "} %s\n", strconv.FormatFloat(value, 'f', -1, 64))
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace
