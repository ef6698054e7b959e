package node

import (
	"encoding/binary"
	"math/bits"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc/api"
)

// SGETLOAD tells how busy a node is, as GETLOAD does, and gives a capability to start
// processes there. A service that places the processes of others passes that on: it
// has the right to start processes on every node for good, and they get it for the node
// and the moment it has chosen for them. Exec capabilities change every period, and two
// are valid, as in Amoeba: each lasts for one to two periods.
//
// Nothing is kept for them. A capability's object says which period it is of, and its
// secret follows from that and from the cluster's key.
const execPeriod = 10e9

// execRights are what starting a process takes.
const execRights = capability.PSRExec | capability.PSRCreate

// execPrefix marks the objects of exec capabilities, as 'S' does segments.
const execPrefix = 'E' << 56

func (n *Node) execSecret(object uint64) capability.Secret {
	b := binary.BigEndian.AppendUint64(nil, n.ipc.boot)
	return capability.Secret(capability.OneWay("motile exec", n.ipc.key[:], binary.BigEndian.AppendUint64(b, object)))
}

// execPeriodNow is the number of the present period.
func (n *Node) execPeriodNow() uint64 { return uint64(n.Tab.Now-n.began) / execPeriod }

// execCapability is the one of the present period.
func (n *Node) execCapability() capability.Capability {
	object := execPrefix | n.execPeriodNow()
	secret := n.execSecret(object)
	return capability.Derive(capability.Owner(n.ipc.key.NodePort(n.Number).Put(), object, secret), secret, execRights)
}

// nodeObject is what a request to the process server is for, and what its capability is
// checked against: the node, or a period in which processes may be started.
func (n *Node) nodeObject(h *std.Header) (object uint64, secret capability.Secret) {
	if period := h.Object ^ execPrefix; period == n.execPeriodNow() || period+1 == n.execPeriodNow() {
		return h.Object, n.execSecret(h.Object)
	}
	return 0, n.ipc.secret
}

func (n *Node) secureLoad() api.SLoad {
	c, now := n.execCapability(), n.Tab.Now-n.began
	return api.SLoad{Load: n.load(), Exec: c.Append(nil), ValidMs: (2*execPeriod - now%execPeriod) / 1e6}
}

// definition answers GETDEF: what memory a process has here.
func definition() api.Definition {
	return api.Definition{PageLog2: bits.TrailingZeros(vm.PageBytes), FirstPage: 1, LastPage: abi.UserTop/vm.PageBytes - 1}
}
