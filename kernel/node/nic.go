package node

import (
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/nicio"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/ipc/std/service"
	"motile/netdev"
)

// nic is the card that leads out of the cluster. The kernel knows nothing of what goes
// over it: it serves it raw to one program, which may be anywhere.
type nic struct {
	n       *Node
	link    netdev.Link
	ep      *rpc.Endpoint
	secret  capability.Secret
	std     service.Service[*nic]
	waiting *rpc.Handle // of a RECEIVE
	kept    []byte      // frames that came meanwhile, as they travel
	dropped uint64      // for want of room there
	refused uint64      // frames that the card had no room for
}

// keptMost bounds the frames that nobody has asked for yet.
const keptMost = 4 * nicio.MaxData

func (n *Node) initNIC(link netdev.Link) {
	if link == nil {
		return
	}
	c := &nic{n: n, link: link, secret: n.ipc.key.ServiceSecret("nic", n.Number)}
	c.std = service.Service[*nic]{
		Refused: n.refused,
		Info:    func(*nic) string { return "network card of " + n.K.Name },
		Status:  (*nic).status,
		Touch:   func(*nic) {},
	}
	c.ep = n.ipc.m.Open(n.Tab.Now, rpc.Options{Owner: c, Upcall: true})
	n.ipc.m.Listen(n.Tab.Now, c.ep, n.ipc.key.ServicePort("nic", n.Number).Put())
	n.nic = c
}

// InputOutside takes a frame from the card to the outside. It is the driver's again
// when InputOutside returns.
func (n *Node) InputOutside(frame []byte) {
	c := n.nic
	if len(c.kept)+2+len(frame) > keptMost || len(frame) > nicio.MaxFrame {
		c.dropped++
		return
	}
	c.kept = nicio.Append(c.kept, frame)
	c.answer()
}

func (c *nic) serve(r *rpc.Incoming) {
	if s := c.std.Check(&r.Header, 0, c.secret); s != std.OK {
		c.n.reply(r, s, nil)
		return
	}
	switch r.Header.Command {
	case nicio.Describe:
		mac := c.link.Addr()
		c.n.replyHeader(r, &std.Header{Size: uint32(c.link.MTU())}, mac[:])
	case nicio.Send:
		c.send(r)
	case nicio.Receive:
		if c.waiting != nil {
			c.n.ipc.m.Reply(c.n.Tab.Now, *c.waiting, &std.Header{Command: statusWord(std.NotNow)}, nil)
		}
		c.waiting = &r.Handle
		c.answer()
		c.n.perform()
	default:
		standard(c.n, &c.std, c, c.secret, r)
	}
}

func (c *nic) send(r *rpc.Incoming) {
	sent := uint32(0)
	for data := r.Data; len(data) > 0; {
		frame, rest, ok := nicio.Next(data)
		if !ok || len(frame) < netdev.HeaderSize || len(frame) > netdev.HeaderSize+c.link.MTU() {
			c.n.reply(r, std.ArgBad, nil)
			return
		}
		data = rest
		if c.link.Send([][]byte{frame}) {
			sent++
		} else {
			c.refused++
		}
	}
	c.n.replyHeader(r, &std.Header{Size: sent}, nil)
}

// answer gives what has come to who waits for it: whole frames, as many as fit.
func (c *nic) answer() {
	if c.waiting == nil || len(c.kept) == 0 {
		return
	}
	size := 0
	for rest := c.kept; size < len(c.kept); {
		frame, more, _ := nicio.Next(rest)
		if size > 0 && size+2+len(frame) > nicio.MaxData {
			break
		}
		size, rest = size+2+len(frame), more
	}
	handle := *c.waiting
	c.waiting = nil
	data := c.kept[:size:size]
	c.kept = append([]byte(nil), c.kept[size:]...)
	c.n.ipc.m.Reply(c.n.Tab.Now, handle, &std.Header{Size: uint32(size), Offset: c.dropped}, data)
	c.n.perform()
}

func (c *nic) status() string {
	return "kept " + strconv.Itoa(len(c.kept)) + " bytes\ndropped " + strconv.FormatUint(c.dropped, 10) +
		"\nrefused " + strconv.FormatUint(c.refused, 10) + "\n"
}
