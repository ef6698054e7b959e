package lab

import (
	"github.com/anishathalye/porcupine"

	"motile/ipc/sim"
	"motile/ipc/std"
)

// Judge runs a plan and then looks at its history as the clients saw it: is there
// an order of the transactions in which each counter could have given the answers
// that it gave? Of those that failed nobody knows whether they were executed, nor
// when.
func Judge(p *Plan) *Result {
	r := Run(p, nil)
	if r.Broken == "" && !linearizable(r.Ops) {
		r.Broken = notLinearizable
		r.Errors = append(r.Errors, notLinearizable)
	}
	return r
}

const notLinearizable = "no order of the transactions explains the sums that were answered"

// A transaction as Porcupine sees it.
type (
	addition struct{ amount uint64 }
	answer   struct {
		known bool
		sum   uint64
	}
)

// counter is the sequential specification: an addition of unknown outcome has been
// executed or not.
var counter = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{uint64(0)} },
	Step: func(state, input, output any) []any {
		sum := state.(uint64) + input.(addition).amount
		switch a := output.(answer); {
		case !a.known:
			return []any{state, sum}
		case a.sum == sum:
			return []any{sum}
		}
		return nil
	},
	Equal: func(a, b any) bool { return a == b },
})

// linearizable looks at each counter by itself: an answer says which gave it. What
// has no answer may have been executed by any.
func linearizable(ops []*sim.Op) bool {
	model := counter.ToModel()
	servers := make(map[uint32][]porcupine.Operation)
	var unknown []porcupine.Operation
	end := 2*int64(len(ops)) + 1
	for _, op := range ops {
		x := porcupine.Operation{Input: addition{op.Amount}, Call: op.Begun, Return: op.Ended}
		switch {
		case op.Ended < 0 || op.Status == std.RPCFailure:
			x.Output, x.Return = answer{}, end
			unknown = append(unknown, x)
		case op.Status == std.OK:
			x.Output = answer{true, op.Sum}
			servers[op.Server] = append(servers[op.Server], x)
		}
	}
	for _, history := range servers { // the order is all the same
		if !porcupine.CheckOperations(model, append(history, unknown...)) {
			return false
		}
	}
	return true
}
