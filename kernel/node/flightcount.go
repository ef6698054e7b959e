package node

import (
	"strconv"

	"motile/migrate/move"
	"motile/proc/api"
)

// flightCount is what the flight recorder has counted, of all moves since the node was
// started: those in its ring and those before.
type flightCount struct {
	begun, committed, aborted [2]uint64 // by direction
	lost                      uint64
	pages, bytes              uint64 // sent by moves that have come about

	freezes  [len(freezeBounds) + 1]uint64 // by the first bound that is not below; the last: above all
	freezeNs int64                         // of all together
}

// freezeBounds are the bounds of the histogram of freezes, in µs: a move of little takes a
// few ms, one of 64 MB a second.
var freezeBounds = [...]int64{1000, 2500, 5000, 10_000, 15_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000}

var directions = [2]string{"in", "out"}

func direction(out bool) int {
	if out {
		return 1
	}
	return 0
}

// ended counts a move by how it came out.
func (c *flightCount) ended(out bool, outcome string) {
	switch d := direction(out); outcome {
	case move.Done.String(), move.Active.String():
		c.committed[d]++
	case move.Lost.String():
		c.lost++
	default:
		c.aborted[d]++
	}
}

// sent counts what a move from here took that has come about.
func (c *flightCount) sent(pages, bytes, frozen int64) {
	c.pages += uint64(pages)
	c.bytes += uint64(bytes)
	c.freezeNs += frozen
	i := 0
	for i < len(freezeBounds) && frozen > freezeBounds[i]*1000 {
		i++
	}
	c.freezes[i]++
}

func (c *flightCount) metrics() []api.Metric {
	moves := func(name, help string, n [2]uint64) api.Metric {
		return byLabel(name, "", help, "direction", directions[0], n[0], directions[1], n[1])
	}
	return []api.Metric{
		moves("moves_begun", "Moves of processes that have begun.", c.begun),
		moves("moves_committed", "Moves of processes that have come about.", c.committed),
		moves("moves_aborted", "Moves of processes that were given up, to no harm.", c.aborted),
		counter("moves_lost", "", "Moves from here after which the processes were lost with their target, or given up by hand.", c.lost),
		counter("moved_pages", "", "Pages sent by moves from here that have come about.", c.pages),
		counter("moved", "bytes", "Bytes sent by moves from here that have come about.", c.bytes),
		c.freezeMetric(),
	}
}

// seconds is a bound as OpenMetrics wants it, with a point in it.
func seconds(us int64) string {
	if us%1_000_000 == 0 {
		return strconv.FormatInt(us/1_000_000, 10) + ".0"
	}
	return strconv.FormatFloat(float64(us)/1e6, 'f', -1, 64)
}

func (c *flightCount) freezeMetric() api.Metric {
	m := api.Metric{Name: "move_freeze", Kind: api.Histogram, Unit: "seconds", Label: "le", Sum: float64(c.freezeNs) / 1e9,
		Help: "How long processes that have moved from here stood still."}
	n := uint64(0)
	for i, below := range c.freezes {
		n += below
		bound := "+Inf"
		if i < len(freezeBounds) {
			bound = seconds(freezeBounds[i])
		}
		m.Values = append(m.Values, api.MetricValue{Label: bound, Value: float64(n)})
	}
	return m
}
