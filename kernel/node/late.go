package node

import (
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
	status int
}

const maxLate = 64

// keepLate is called when a detached process ends.
func (n *Node) keepLate(x *process, l *object.Log, status int) {
	d := &late{node: n, ep: x.pid, log: l, file: x.p.Log, status: status, info: n.info(x.p)}
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
	if s := n.check(r, uint64(d.info.PID), n.ipc.key.ProcessSecret(d.info.PID), api.ProcessRight(r.Header.Command)); s != std.OK {
		n.reply(r, s, nil)
		return
	}
	switch r.Header.Command {
	case api.Info:
		n.replyWith(r, d.info)
	case std.Info:
		n.reply(r, std.OK, []byte("Die "+d.info.Command))
	case api.Wait:
		n.replyWith(r, api.WaitReply{Status: d.status})
	case api.ReadLog:
		if d.log == nil {
			n.reply(r, std.NotFound, nil)
			return
		}
		n.answerLog(d.log, logRead{r.Handle, int64(r.Header.Offset), int(min(r.Header.Size, maxLogRead))})
	case api.Signal:
		n.reply(r, std.OK, nil) // as to a zombie
	case std.Destroy:
		n.reply(r, std.OK, nil)
		d.drop()
	default:
		n.reply(r, std.NotNow, nil)
	}
}

// endedReply is what those who wait for a process get.
func endedReply(status int) (*std.Header, []byte) {
	b, _ := image.Marshal(api.WaitReply{Status: status})
	return &std.Header{Size: uint32(len(b))}, b
}
