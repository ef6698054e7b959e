package node

import (
	"encoding/binary"
	"errors"

	"motile/ipc/capability"
	"motile/ipc/group"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/proc"
)

// Ordered groups, for user programs (ipc/group/PROTOCOL.md). A header is that of
// trans; the port in that of grp_create and grp_join is the group's secret. The
// result is a number, or a negative std.Status.
//
//	grp_create(hdr, resilience, maxgroup, lognbuf, logmaxmess)  → gid
//	grp_join(hdr)                                               → gid
//	grp_leave(gid)
//	grp_send(gid, hdr, buf, size)
//	grp_receive(gid, hdr, buf, room, more)   → size; more: messages that wait, 4 bytes
//	grp_reset(gid, hdr, nmin)                → members; hdr, if not 0, is then sent
//	grp_info(gid, buf, room)                 → length; see putInfo
//	grp_set(gid, what, value)
//	grp_forward(gid, port, index)            the request at hand goes to that member
//
// A signal with a handler ends a grp_receive, unless the handler has SA_RESTART; no
// message is lost by it. The other calls go on below the handler: in Amoeba a signal
// ended grp_send with BC_FAIL, whatever became of the message.

const (
	maxGroups       = 4         // of a process
	maxGroupMembers = 64        // of a node
	groupHistory    = 128 << 10 // bytes of a member
	maxGroupName    = 1 << 16   // numbers in calls are below
)

// groupSend is the phase of a grp_reset that sends its header.
const groupSend = nativeWaiting + 1

func isGroupCall(c *proc.Call) bool { return c.Nr >= abi.SysGrpCreate && c.Nr <= abi.SysGrpForward }

func (n *Node) groupCall(t *proc.Thread, c *proc.Call) int64 {
	x := of(t.Process())
	if a := takeAnswer(c); a != nil {
		return n.groupAnswered(x, t, c, a)
	}
	if c.Phase != nativeStart {
		if c.Nr == abi.SysGrpReceive && c.Interrupted && !n.Tab.HandlerRestarts(t) {
			if mb := x.group(c.Args[0]); mb != nil {
				n.ipc.grp.AbortReceive(mb, c.Slot)
				n.perform()
			}
			if a := takeAnswer(c); a != nil {
				return n.groupAnswered(x, t, c, a)
			}
		}
		return -abi.EBLOCKED
	}
	switch c.Nr {
	case abi.SysGrpCreate, abi.SysGrpJoin:
		return n.grpEnter(x, t, c)
	}
	mb := x.group(c.Args[0])
	if mb == nil {
		return int64(std.BCBadPort)
	}
	switch c.Nr {
	case abi.SysGrpInfo:
		return n.grpInfo(t, c, mb)
	case abi.SysGrpSet:
		return int64(n.ipc.grp.Set(mb, group.Parameter(min(c.Args[1], maxGroupName)), int64(min(c.Args[2], 1<<40))))
	case abi.SysGrpForward:
		return n.grpForward(x, t, c, mb)
	}
	return n.grpBegin(x, t, c, mb)
}

// grpEnter creates or joins a group.
func (n *Node) grpEnter(x *process, t *proc.Thread, c *proc.Call) int64 {
	h, ok := header(t, c.Args[0])
	if !ok {
		return int64(std.RPCBadAddress)
	}
	gid := 0
	for gid < maxGroups && x.groups[gid] != nil {
		gid++
	}
	switch {
	case gid == maxGroups:
		return int64(std.BCTooMany)
	case n.K.Pressure != nil && n.K.Pressure():
		return int64(std.NoMem)
	}
	who := group.Identity{Owner: x, Server: x.endpoint().Address()}
	if c.Nr == abi.SysGrpCreate {
		for _, v := range c.Args[1:5] {
			if v > maxGroupName {
				return int64(std.ArgBad)
			}
		}
		mb, s := n.ipc.grp.Create(n.Tab.Now, who, h.Port, group.Params{Resilience: int(c.Args[1]), MaxGroup: int(c.Args[2]),
			LogBuffers: int(c.Args[3]), LogMaxMessage: int(c.Args[4])})
		n.perform()
		if s != std.OK {
			return int64(s)
		}
		x.groups[gid] = mb
		return int64(gid)
	}
	c.Phase, c.Slot = nativeWaiting, x.slots.take()
	c.Args[0] = uint64(gid) // by which the record knows its group from now on
	mb, s := n.ipc.grp.Join(n.Tab.Now, who, c.Slot, h.Port)
	x.groups[gid] = mb
	return n.groupWait(x, t, c, s)
}

// grpBegin starts a call that may have to wait.
func (n *Node) grpBegin(x *process, t *proc.Thread, c *proc.Call, mb *group.Member) int64 {
	m, now := n.ipc.grp, n.Tab.Now
	var h std.Header
	var data []byte
	if c.Nr == abi.SysGrpSend {
		var ok bool
		if h, ok = header(t, c.Args[1]); !ok {
			return int64(std.RPCBadAddress)
		}
		var s std.Status
		if data, s = n.message(t, c.Args[2], c.Args[3]); s != std.OK {
			return int64(s)
		}
	}
	if c.Nr == abi.SysGrpReset && t.Process().Space.Missing(c.Args[1], std.HeaderLen) {
		return int64(std.RPCBadAddress) // grpAfterReset reads it
	}
	c.Phase, c.Slot = nativeWaiting, x.slots.take()
	var s std.Status
	switch c.Nr {
	case abi.SysGrpLeave:
		s = m.Leave(now, mb, c.Slot)
		if s == std.OK {
			x.groups[c.Args[0]] = nil
		}
	case abi.SysGrpSend:
		s = m.Send(now, mb, c.Slot, &h, data)
	case abi.SysGrpReceive:
		s = m.Receive(now, mb, c.Slot, int(min(c.Args[3], maxMessage)))
	case abi.SysGrpReset:
		s = m.ResetGroup(now, mb, c.Slot, int(min(c.Args[2], group.MaxMembers)))
	}
	return n.groupWait(x, t, c, s)
}

// groupWait ends a call that the machine has refused, and lets others wait.
func (n *Node) groupWait(x *process, t *proc.Thread, c *proc.Call, s std.Status) int64 {
	if s != group.Wait {
		x.slots.free(c.Slot)
		c.Slot = 0
		n.perform()
		return int64(s)
	}
	n.perform()
	if a := takeAnswer(c); a != nil {
		return n.groupAnswered(x, t, c, a)
	}
	return -abi.EBLOCKED
}

// groupAnswered ends a call with what the machine has said.
func (n *Node) groupAnswered(x *process, t *proc.Thread, c *proc.Call, a *object.Answer) int64 {
	switch {
	case a.Status != std.OK:
		return int64(a.Status)
	case c.Nr == abi.SysGrpJoin:
		return int64(c.Args[0])
	case c.Nr == abi.SysGrpReceive:
		if c.Args[4] != 0 {
			var more [4]byte
			if mb := x.group(c.Args[0]); mb != nil {
				binary.LittleEndian.PutUint32(more[:], uint32(mb.More()))
			}
			if _, f := t.Process().Space.CopyOut(c.Args[4], more[:]); f != vm.OK {
				return int64(std.RPCBadAddress)
			}
		}
		return deliver(t, a, c.Args[1], c.Args[2], c.Args[3])
	case c.Nr == abi.SysGrpReset && c.Phase == nativeWaiting:
		c.Aux[0] = uint64(a.Header.Extra)
		return n.grpAfterReset(x, t, c)
	case c.Nr == abi.SysGrpReset:
		return int64(c.Aux[0])
	}
	return int64(a.Status)
}

// grpAfterReset sends the header that the caller of grp_reset has for the new view.
func (n *Node) grpAfterReset(x *process, t *proc.Thread, c *proc.Call) int64 {
	mb := x.group(c.Args[0])
	if c.Args[1] == 0 || mb == nil {
		return int64(c.Aux[0])
	}
	h, ok := header(t, c.Args[1])
	if !ok {
		return int64(std.RPCBadAddress)
	}
	c.Phase, c.Slot = groupSend, x.slots.take()
	return n.groupWait(x, t, c, n.ipc.grp.Send(n.Tab.Now, mb, c.Slot, &h, nil))
}

// groupCompleted gives the end of a call to its thread.
func (n *Node) groupCompleted(c *group.Complete) {
	x, ok := c.Member.Owner.(*process)
	if !ok || c.Slot == 0 {
		return
	}
	x.slots.free(c.Slot)
	if c.Kind == group.KindLeave || c.Kind == group.KindJoin && c.Status != std.OK {
		for gid := range x.groups {
			if x.groups[gid] == c.Member {
				x.groups[gid] = nil
			}
		}
	}
	a := &object.Answer{Status: c.Status, Header: c.Header, Data: c.Data}
	if c.Kind == group.KindReset {
		a.Header.Extra = uint32(c.Total)
	}
	n.Tab.Answered(x.p, c.Slot, a)
}

// infoLen is the length of what grp_info returns, without the members.
const infoLen = 48

// grpInfo describes a group, little-endian, as programs here see memory:
//
//	offset  size
//	     0     8  seqno of the next message that is received
//	     8     8  seqno that the next message gets
//	    16     8  view
//	    24     4  messages in the history
//	    28     4  members
//	    32     4  index of the caller
//	    36     4  index of the sequencer
//	    40     4  1: the view has not ended
//	    44     4  zero
//	    48    4n  indices of the members
func (n *Node) grpInfo(t *proc.Thread, c *proc.Call, mb *group.Member) int64 {
	in := mb.Info()
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, infoLen+4*len(in.Members)), in.Expect)
	b = binary.LittleEndian.AppendUint64(b, in.Next)
	b = binary.LittleEndian.AppendUint64(b, in.View)
	running := uint32(0)
	if in.Running {
		running = 1
	}
	for _, v := range [...]uint32{uint32(in.Unstable), uint32(in.Total), uint32(in.Index), uint32(in.Sequencer), running, 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for _, i := range in.Members {
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
	}
	if uint64(len(b)) > c.Args[2] {
		return int64(std.Overflow)
	}
	if _, f := t.Process().Space.CopyOut(c.Args[1], b); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	return int64(len(b))
}

// grpForward passes the request that the thread is serving on to another member,
// which serves the port too.
func (n *Node) grpForward(x *process, t *proc.Thread, c *proc.Call, mb *group.Member) int64 {
	var port capability.Port
	if _, f := t.Process().Space.CopyIn(port[:], c.Args[1]); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	to, ok := mb.Endpoint(int(min(c.Args[2], maxGroupName)))
	switch {
	case !ok:
		return int64(std.BCNoExist)
	case t.Server == 0:
		return int64(std.RPCBadPort)
	}
	s := n.ipc.m.Forward(n.Tab.Now, x.endpoint(), t.Server, port, to)
	n.perform()
	if s == rpc.Wait {
		return 0
	}
	return int64(s)
}

// group returns the member that a process knows by a number, or nil.
func (x *process) group(gid uint64) *group.Member {
	if gid >= maxGroups {
		return nil
	}
	return x.groups[gid]
}

// eachGroup calls f for each of a process's groups.
func (x *process) eachGroup(f func(now int64, mb *group.Member)) {
	for _, mb := range x.groups {
		if mb != nil {
			f(x.node.Tab.Now, mb)
		}
	}
}

// abandonGroups lets a process that has ended leave its groups in good order.
func (n *Node) abandonGroups(x *process) {
	x.eachGroup(n.ipc.grp.Abandon)
	x.groups = [maxGroups]*group.Member{}
	n.perform()
}

// forgetGroupCall drops the call of a thread that has ended.
func (n *Node) forgetGroupCall(x *process, c *proc.Call) {
	mb := x.group(c.Args[0])
	switch {
	case mb == nil:
	case c.Nr == abi.SysGrpJoin: // nobody knows the number
		n.ipc.grp.Abandon(n.Tab.Now, mb)
		x.groups[c.Args[0]] = nil
	default:
		n.ipc.grp.Forget(mb, c.Slot)
	}
}

// captureGroups takes the state of the frozen memberships.
func (n *Node) captureGroups(state *image.RPC, x *process) error {
	for gid, mb := range x.groups {
		if mb == nil {
			continue
		}
		st, ok := n.ipc.grp.Export(mb)
		if !ok {
			return errors.New("its membership of a group is not frozen")
		}
		state.Groups = append(state.Groups, image.Group{GID: gid, State: st.Append(nil)})
	}
	return nil
}

// groupsFrom makes the memberships that came with a process.
func (a *assembly) groupsFrom(x *process) string {
	for _, g := range a.state.Groups {
		st, err := group.DecodeState(g.State)
		if err != nil {
			return err.Error()
		}
		if g.GID < 0 || g.GID >= maxGroups || x.groups[g.GID] != nil {
			return "a group has a number that cannot be"
		}
		if x.groups[g.GID] = a.n.ipc.grp.Import(a.n.Tab.Now, x, st); x.groups[g.GID] == nil {
			return "the state of a group member makes no sense, or there is no room for it"
		}
	}
	return ""
}
