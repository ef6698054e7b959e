package node

import (
	"encoding/binary"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/netdev"
	"motile/proc"
	"motile/proc/api"
)

// The Ethernet Configuration Testing Protocol, called loopback (DEC, Intel and
// Xerox: The Ethernet, version 2.0, chapter 8), with which stations find out
// whether frames reach each other, and here how fast. A frame carries what is to
// be done with it by one station after the other:
//
//	offset  size
//	    14     2  skip count: where the turn of whoever gets the frame begins, from 16 on
//	 +   0     2  function: 2, forward data
//	 +   2     6  the station to forward the frame to
//	 +   0     2  function: 1, reply
//	 +   2     2  receipt number, which says what the frame answers
//	 +   4        data
//
// Numbers are little-endian, the one such place on our wire. It all happens beside
// the protocols: the measure of what they add to the driver.
const (
	loopbackType = 0x9000

	loopbackForward = 2
	loopbackReply   = 1

	loopbackTurn = 8 // length of a forward
	loopbackHead = netdev.HeaderSize + 2 + loopbackTurn + 4
)

// echoPatience is how long nothing may come back until the rest counts as lost.
const echoPatience = 1e9

// Bounds of a request. A window of frames must fit into the rings of both cards.
const (
	maxEchoRounds = 20_000
	maxEchoWindow = 128
)

// echo is one run of frames to a station and back: rounds of some frames that go
// only there, and one that returns.
type echo struct {
	n      *Node
	q      api.EchoRequest
	client rpc.Incoming
	link   netdev.Link
	ping   []byte
	fill   []byte

	sent  []int64 // when rounds went, those under way
	reply api.EchoReply
	began int64
	timer proc.Timer
}

func isLoopback(frame []byte) bool {
	return len(frame) > netdev.HeaderSize && binary.BigEndian.Uint16(frame[12:]) == loopbackType
}

// loopback does what a frame asks for.
func (n *Node) loopback(link int, frame []byte) {
	const skip = netdev.HeaderSize
	if len(frame) < skip+2 {
		return
	}
	at := skip + 2 + int(binary.LittleEndian.Uint16(frame[skip:]))
	if at+4 > len(frame) {
		return
	}
	switch binary.LittleEndian.Uint16(frame[at:]) {
	case loopbackForward:
		if at+loopbackTurn > len(frame) || frame[at+2]&1 != 0 {
			return // to a group of stations: one frame would become many
		}
		mac := n.ipc.links[link].Addr()
		head := append(n.forward[:0], frame[at+2:at+loopbackTurn]...)
		head = append(head, mac[:]...)
		head = append(head, frame[12:skip]...)
		head = binary.LittleEndian.AppendUint16(head, uint16(at+loopbackTurn-skip-2))
		n.ipc.pieces[0], n.ipc.pieces[1] = head, frame[skip+2:]
		n.ipc.links[link].Send(n.ipc.pieces[:])
	case loopbackReply:
		if e := n.echo; e != nil {
			e.returned(binary.LittleEndian.Uint16(frame[at+2:]))
		}
	}
}

func (n *Node) serveEcho(r *rpc.Incoming) {
	var q api.EchoRequest
	if !n.parse(r, &q) {
		return
	}
	if len(n.ipc.links) == 0 || n.echo != nil {
		n.reply(r, std.NotNow, nil)
		return
	}
	link := n.ipc.links[0]
	most := netdev.HeaderSize + link.MTU()
	if len(q.Station) != 6 || q.Rounds < 1 || q.Rounds > maxEchoRounds || q.Window < 1 || q.Fill < 0 ||
		q.Window*(q.Fill+1) > maxEchoWindow || q.Size < loopbackHead || q.Size > most ||
		q.Fill > 0 && (q.FillSize < loopbackHead || q.FillSize > most) {
		n.reply(r, std.ArgBad, nil)
		return
	}
	mac := link.Addr()
	e := &echo{n: n, q: q, client: rpc.Incoming{Endpoint: r.Endpoint, Handle: r.Handle}, link: link, began: n.m.Now()}
	e.ping = loopbackFrame(q.Size, q.Station, mac[:])
	if q.Fill > 0 {
		e.fill = loopbackFrame(q.FillSize, q.Station, mac[:])
		// At the other end it is the reply to something nobody asked, which goes no
		// further than the driver.
		binary.LittleEndian.PutUint16(e.fill[netdev.HeaderSize:], loopbackTurn)
	}
	e.reply.RoundNs = make([]int64, 0, q.Rounds)
	e.timer.Init(e)
	n.echo = e
	e.send()
}

// loopbackFrame is a frame to a station that comes back to us.
func loopbackFrame(size int, to, us []byte) []byte {
	f := make([]byte, size)
	copy(f[0:6], to)
	copy(f[6:12], us)
	binary.BigEndian.PutUint16(f[12:], loopbackType)
	turn := f[netdev.HeaderSize+2:]
	binary.LittleEndian.PutUint16(turn, loopbackForward)
	copy(turn[2:], us)
	binary.LittleEndian.PutUint16(turn[loopbackTurn:], loopbackReply)
	return f
}

// round is the number of the round that returns next.
func (e *echo) round() int { return len(e.reply.RoundNs) }

// send fills the window.
func (e *echo) send() {
	for len(e.sent) < e.q.Window && e.round()+len(e.sent) < e.q.Rounds {
		receipt := uint16(e.round() + len(e.sent))
		binary.LittleEndian.PutUint16(e.ping[loopbackHead-2:], receipt)
		e.sent = append(e.sent, e.n.m.Now())
		for range e.q.Fill {
			e.put(e.fill)
		}
		e.put(e.ping)
		e.link.Flush()
	}
	e.n.Tab.StartTimer(&e.timer, e.n.m.Now()+echoPatience)
}

func (e *echo) put(frame []byte) {
	e.n.ipc.pieces[0], e.n.ipc.pieces[1] = frame, nil
	if !e.link.Send(e.n.ipc.pieces[:]) {
		e.reply.Dropped++
	}
}

// returned: a frame is back.
func (e *echo) returned(receipt uint16) {
	if len(e.sent) == 0 || receipt != uint16(e.round()) {
		return
	}
	now := e.n.m.Now()
	e.reply.RoundNs = append(e.reply.RoundNs, now-e.sent[0])
	e.sent = append(e.sent[:0], e.sent[1:]...)
	e.reply.TotalNs = now - e.began
	if e.round() == e.q.Rounds {
		e.end()
		return
	}
	e.send()
}

// Expire implements the table's timer.
func (e *echo) Expire(int64) { e.end() }

func (e *echo) end() {
	e.n.Tab.StopTimer(&e.timer)
	e.n.echo = nil
	e.n.replyWith(&e.client, e.reply)
}
