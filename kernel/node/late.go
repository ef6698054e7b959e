package node

import (
	"slices"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc/api"
)

// late is a detached process that has ended. Nobody waited for it when it did, so
// its status and output are kept until somebody asks, or until there are too many.
// It goes on answering at the process's address.
type late struct {
	node   *Node
	ep     *rpc.Endpoint
	info   api.ProcessInfo
	log    *object.Log  // nil if it had none
	file   *object.File // holds the log
	secret capability.Secret
	end    api.WaitReply
	left   int  // times that the node ages until it is forgotten
	gone   bool // somebody has destroyed it
}

const maxLate = 64

// lifetime is how often a node ages before it forgets an ended process that nobody
// touches. It is Amoeba's, where it is a day.
const lifetime = 24

// age makes what the node stores older, STD_AGE: the ends of processes, and segments.
func (n *Node) age() {
	for _, d := range slices.Clone(n.late) {
		if d.left--; d.left == 0 {
			d.drop()
		}
	}
	n.ageSegments()
}

// keepLate is called when a detached process ends.
func (n *Node) keepLate(x *process, l *object.Log, status int) {
	d := &late{node: n, ep: x.pid, log: l, file: x.p.Log, end: x.end(status), info: n.info(x.p),
		secret: x.secret, left: lifetime}
	d.info.State, d.info.Status = "zombie", status
	if l != nil {
		d.file.Retain()
	}
	d.ep.Owner = d
	x.pid = nil
	n.late = append(n.late, d)
	if len(n.late) > maxLate {
		n.late[0].drop()
	}
}

func (d *late) drop() {
	n := d.node
	for i, x := range n.late {
		if x == d {
			n.late = append(n.late[:i], n.late[i+1:]...)
			break
		}
	}
	if d.log != nil {
		d.file.Release()
	}
	n.ipc.m.Close(n.Tab.Now, d.ep)
	n.perform()
}

func (d *late) serve(r *rpc.Incoming) {
	n := d.node
	if s := n.std.late.Check(&r.Header, uint64(d.info.PID), d.secret); s != std.OK {
		n.reply(r, s, nil)
		return
	}
	switch r.Header.Command {
	case api.Info:
		n.replyWith(r, d.info)
	case api.Wait:
		n.replyWith(r, d.end)
	case api.ReadLog:
		if d.log == nil {
			n.reply(r, std.NotFound, nil)
			return
		}
		n.answerLog(d.log, logRead{r.Handle, int64(r.Header.Offset), int(min(r.Header.Size, maxLogRead))})
	case api.Signal, api.Join:
		n.reply(r, std.OK, nil) // as to a zombie
	case api.Stun, api.Resume, api.Lease, api.Snapshot, api.GetOwner, api.SetOwner, api.GetComment, api.SetComment:
		n.reply(r, std.NotNow, nil)
	default:
		standard(n, &n.std.late, d, d.secret, r)
		if d.gone {
			d.drop()
		}
	}
}

// end is what there is to say of a process that has ended.
func (x *process) end(status int) api.WaitReply {
	return api.WaitReply{Status: status, Moves: x.p.Moves, Shaken: x.shakenSoFar(), Lost: x.p.Lost}
}

// endedReply is what those who wait for a process get.
func (x *process) endedReply(status int) (*std.Header, []byte) {
	b, _ := image.Marshal(x.end(status))
	return &std.Header{Size: uint32(len(b))}, b
}
