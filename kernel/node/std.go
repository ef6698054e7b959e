package node

import (
	"fmt"
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/ipc/std/service"
	"motile/proc/api"
)

// What every object of a node answers: Amoeba's standard commands, as far as they
// make sense for nodes and processes, which cannot be copied, and for what several
// nodes have open. What a node stores, and forgets if it ages and nobody touches it,
// is the ends of processes.

// standards are the kernel's servers.
type standards struct {
	node    service.Service[*Node]
	process service.Service[*process]
	late    service.Service[*late]
	object  service.Service[*export]
	segment service.Service[*segment]
	region  service.Service[*process] // their memory
}

func (n *Node) initStandards() {
	n.std.node = service.Service[*Node]{
		Needs: api.NodeRight, Refused: n.refused,
		Info:   func(n *Node) string { return "process server of " + n.K.Name },
		Status: (*Node).stats, Touch: func(*Node) {}, Age: n.age, Params: (*Node).params,
	}
	n.std.process = service.Service[*process]{
		Needs: api.ProcessRight, Refused: n.refused, Find: n.findProcess,
		Info: (*process).line, Status: (*process).status, Params: (*process).params,
		Touch:   func(*process) {}, // it lives as long as it runs
		Age:     func() {},
		Destroy: func(x *process) std.Status { x.doomed = true; return std.OK },
	}
	n.std.late = service.Service[*late]{
		Needs: api.ProcessRight, Refused: n.refused,
		Info:    func(d *late) string { return "Die " + d.info.Command },
		Status:  func(d *late) string { return fmt.Sprintf("pid %d\nended with %#x\n", d.info.PID, d.end.Status) },
		Touch:   func(d *late) { d.left = lifetime },
		Destroy: func(d *late) std.Status { d.gone = true; return std.OK },
	}
	n.std.object = service.Service[*export]{
		Info:   func(x *export) string { return x.file.Path },
		Status: func(x *export) string { return fmt.Sprintf("holders %d\nwaiting %d\n", x.holding(), len(x.polls)) },
		Touch:  func(*export) {},
	}
}

// standard answers a request, whose capability has been checked, if its command is one
// of those; else there is no such command.
func standard[T any](n *Node, s *service.Service[T], obj T, secret capability.Secret, r *rpc.Incoming) {
	reply, ok := s.Answer(obj, secret, &r.Header, r.Data)
	if !ok {
		n.reply(r, std.ComBad, nil)
		return
	}
	n.replyHeader(r, &r.Header, reply)
}

// refused notes a request that came with a capability that does not allow it. It is
// logged ever less often: whoever guesses does not fill the log.
func (n *Node) refused(c capability.Capability, command uint32, s std.Status) {
	n.denied++
	if n.denied&(n.denied-1) == 0 {
		n.Log("motile: %d requests refused for their capability; the last: command %d for object %d, %v", n.denied, command, c.Object, s)
	}
}

func (n *Node) findProcess(number uint64) (*process, capability.Secret, bool) {
	if number >= 1<<31 {
		return nil, capability.Secret{}, false
	}
	p := n.Tab.Process(int32(number))
	if p == nil {
		return nil, capability.Secret{}, false
	}
	return of(p), of(p).secret, true
}

// Bounds of what slice_us may be: shorter, and the node only changes threads; longer,
// and a terminal beside a process that computes feels slow.
const (
	shortestSliceUs = 100
	longestSliceUs  = 1_000_000
)

// params are what of a node can be changed while it runs.
func (n *Node) params() []service.Param {
	return []service.Param{{
		Name: "strace", Type: "boolean", Description: "log every system call",
		Get: func() string { return strconv.FormatBool(n.Strace) },
		Parse: func(value string) (func(), bool) {
			on, err := strconv.ParseBool(value)
			return func() { n.Strace = on }, err == nil
		},
	}, {
		Name: "slice_us", Type: fmt.Sprintf("integer: %d to %d", shortestSliceUs, longestSliceUs),
		Description: "how long a thread runs while others wait",
		Get:         func() string { return strconv.FormatInt(n.slice/1000, 10) },
		Parse: func(value string) (func(), bool) {
			us, err := strconv.ParseInt(value, 10, 64)
			return func() { n.slice = us * 1000 }, err == nil && us >= shortestSliceUs && us <= longestSliceUs
		},
	}, {
		Name: "wakeup", Type: "front or back",
		Description: "where in the queue a thread goes that a message or a deadline has woken",
		Get: func() string {
			if n.Tab.WokenLast {
				return "back"
			}
			return "front"
		},
		Parse: func(value string) (func(), bool) {
			return func() { n.Tab.WokenLast = value == "back" }, value == "front" || value == "back"
		},
	}}
}

// params of a process.
func (x *process) params() []service.Param {
	return []service.Param{{
		Name: "comment", Type: fmt.Sprintf("text: up to %d bytes", maxComment), Description: "shown in place of its command by std_info",
		Get:   func() string { return x.p.Comment },
		Parse: func(value string) (func(), bool) { return func() { x.p.Comment = value }, len(value) <= maxComment },
	}}
}

// status is what STD_STATUS says of a process.
func (x *process) status() string {
	in := x.node.info(x.p)
	return fmt.Sprintf("pid %d\nparent %d\ngroup %d\nstate %s\nthreads %d\nresident %d KB\ncpu %d ms\nmoves %d\ntrail %v\n",
		in.PID, in.Parent, in.PGID, in.State, in.Threads, in.SizeKB, in.CPUms, in.Moves, in.Trail)
}
