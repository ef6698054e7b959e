package node

import (
	"slices"

	"motile/ipc/filesys"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc/api"
)

// The process server of a node: what is asked of the node as a whole.

func (n *Node) serveNode(r *rpc.Incoming) {
	if _, ok := api.SegmentNumber(r.Header.Object); ok {
		n.serveSegment(r)
		return
	}
	object, secret := n.nodeObject(&r.Header)
	if s := n.std.node.Check(&r.Header, object, secret); s != std.OK {
		n.reply(r, s, nil)
		return
	}
	switch r.Header.Command {
	case api.List:
		n.replyWith(r, n.list())
	case api.GetLoad:
		n.replyWith(r, n.load())
	case api.SGetLoad:
		n.replyWith(r, n.secureLoad())
	case api.GetDef:
		n.replyWith(r, definition())
	case api.Nodes:
		n.replyWith(r, api.NodesReply{Nodes: n.cluster()})
	case api.Stats:
		n.reply(r, std.OK, []byte(n.stats()))
	case api.Metrics:
		n.replyWith(r, api.MetricsReply{Node: n.Number, Metrics: n.metrics()})
	case api.Trace:
		moves := n.flights.trace(int32(r.Header.Offset), r.Header.Extra&api.TraceBriefly != 0)
		n.replyWith(r, api.TraceReply{Node: n.Number, Boot: n.ipc.boot, Moves: moves, NowNs: n.m.Now()})
	case api.Profile:
		n.serveProfile(r)
	case api.Exec:
		n.serveExec(r)
	case api.SegCreate:
		n.serveSegCreate(r)
	case api.PutFile:
		n.servePutFile(r)
	case api.GetFile:
		n.serveGetFile(r)
	case api.Group:
		g := n.groupMembers(int32(r.Header.Offset))
		if len(g.PIDs) > 0 { // somebody elsewhere may be about to join it
			n.markSpread(int32(r.Header.Offset))
		}
		n.replyWith(r, g)
	case api.Migrate:
		n.serveMigrate(r)
	case api.MoveNext:
		n.serveMoveNext(r)
	case api.Explain:
		n.serveExplain(r)
	case api.Echo:
		n.serveEcho(r)
	case api.Resolve:
		n.serveResolve(r)
	case api.Shut:
		n.reply(r, std.OK, nil)
		n.K.Halt = true
	case filesys.Recall:
		n.serveRecall(r)
	case api.MoveOffer, api.MoveFile, api.MovePages, api.MoveState, api.MovePrepare, api.MoveCommit, api.MoveAbort, api.MoveStatus, api.MovePull:
		n.serveMove(r)
	default:
		standard(n, &n.std.node, n, secret, r)
	}
}

func (n *Node) list() api.ListReply {
	l := api.ListReply{Node: n.Number}
	for _, p := range n.Tab.Processes() {
		l.Processes = append(l.Processes, n.info(p))
	}
	for _, d := range n.late {
		l.Processes = append(l.Processes, d.info)
	}
	return l
}

// departed remembers for a while who has left this node, so that a signal to a
// process group finds everybody: somebody on the way from one node to another is
// listed by at least one of the two. The nodes are asked at one time, and answer
// within familyPatience.
type departed struct {
	pid, pgid, sid int32
	until          int64
}

const departedFor = familyPatience

func (n *Node) groupMembers(pgid int32) (g api.GroupReply) {
	for _, p := range n.Tab.Processes() {
		if p.PGID == pgid {
			g.PIDs = append(g.PIDs, p.PID)
			g.SID = p.SID
		}
	}
	n.left = n.recentlyLeft()
	for _, d := range n.left {
		if d.pgid == pgid {
			g.PIDs = append(g.PIDs, d.pid)
			g.SID = d.sid
		}
	}
	return g
}

func (n *Node) recentlyLeft() []departed {
	return slices.DeleteFunc(n.left, func(d departed) bool { return d.until < n.Tab.Now })
}
