package lab

import (
	"github.com/anishathalye/porcupine"

	"motile/ipc/sim"
	"motile/ipc/std"
)

// Judge runs a plan and then looks at its history as the clients saw it: is there
// an order of the transactions in which each counter could have given the answers
// that it gave? Of those that failed nobody knows whether they were executed, nor
// when. And is there one in which each group's log could have grown as it did?
func Judge(p *Plan) *Result {
	r := Run(p, nil)
	if r.Broken == "" && !linearizable(r.Ops) {
		r.Broken = notLinearizable
		r.Errors = append(r.Errors, notLinearizable)
	}
	for _, posts := range r.Posts {
		if r.Broken == "" && !isLog(posts) {
			r.Broken = notALog
			r.Errors = append(r.Errors, notALog)
		}
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

const notALog = "no order of the sends explains what the members have received"

// A message of a group as Porcupine sees it: appending it returns its number, and what
// stood before it, of which that again says what stood before, and so on: all its prefix.
type entry struct {
	seqno  uint64
	known  bool   // what stood before
	before uint64 // number of that
}

// appendOnly is the sequential specification. Its state is the last number.
var appendOnly = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, _, output any) (bool, any) {
		last, e := state.(uint64), output.(entry)
		return e.seqno > last && (!e.known || e.before == last), e.seqno
	},
}

// isLog looks whether messages were ordered while they were sent. What was sent in vain
// may be ordered at any time after; what nobody has received is not in the log.
func isLog(posts []*sim.Post) bool {
	var history []porcupine.Operation
	for _, post := range posts {
		if post.Seqno == 0 {
			continue
		}
		x := porcupine.Operation{Call: post.Begun, Return: post.Ended, Output: entry{post.Seqno, post.Follows, post.Before}}
		if post.Ended < 0 || post.Status != std.OK {
			x.Return = 2*int64(len(posts)) + 1
		}
		history = append(history, x)
	}
	return porcupine.CheckOperations(appendOnly, history)
}
