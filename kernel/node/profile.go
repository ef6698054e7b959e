package node

import (
	"fmt"

	"motile/ipc/rpc"
	"motile/proc"
	"motile/proc/api"
)

// Sampler takes samples of where the CPU is.
type Sampler interface {
	// Sample takes one every so many ns from now on; 0: none.
	Sample(periodNs int64)
	// Samples returns what was taken since it was called before.
	Samples() api.ProfileReply
}

// profile is the node's side of a profile that somebody makes of it.
type profile struct {
	n     *Node
	on    bool
	lease proc.Timer // who asked for it may have died
}

// Expire implements proc.Expirer.
func (p *profile) Expire(int64) { p.end() }

func (p *profile) end() {
	p.on = false
	p.n.Sampler.Sample(0)
	p.n.Tab.StopTimer(&p.lease)
}

func (n *Node) serveProfile(r *rpc.Incoming) {
	var q api.ProfileRequest
	if !n.parse(r, &q) {
		return
	}
	p := &n.profile
	refuse := func(format string, args ...any) {
		n.replyWith(r, api.ProfileReply{Refused: fmt.Sprintf(format, args...)})
	}
	switch {
	case n.Sampler == nil:
		refuse("its machine has no timer to sample by")
		return
	case q.Begin && p.on:
		refuse("somebody else profiles it: wait until that is over")
		return
	case !q.Begin && !p.on:
		refuse("is not being profiled; it was not asked for samples for %d s, or it was restarted", int64(api.ProfileLease)/1e9)
		return
	case q.Begin && (q.PeriodNs < api.ProfileShortest || q.PeriodNs > api.ProfileLongest):
		refuse("takes samples every %d to %d ns, not every %d", api.ProfileShortest, api.ProfileLongest, q.PeriodNs)
		return
	case q.Begin:
		p.on = true
		n.Sampler.Samples() // what is left of a profile before
		n.Sampler.Sample(q.PeriodNs)
	}
	out := n.Sampler.Samples()
	if n.Tab.StartTimer(&p.lease, n.Tab.Now+api.ProfileLease); q.End {
		p.end()
	}
	n.nameProcesses(&out)
	n.replyWith(r, out)
}

// nameProcesses says which commands the samples' processes are, of those that still live.
func (n *Node) nameProcesses(out *api.ProfileReply) {
	out.Commands = make(map[int32]string)
	for _, s := range out.Samples {
		if p := n.Tab.Process(s.PID); p != nil && out.Commands[s.PID] == "" {
			out.Commands[s.PID] = command(p)
		}
	}
}
