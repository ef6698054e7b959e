package dissect

import (
	"fmt"
	"strings"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// transaction is what names a request and everything about it.
type transaction struct {
	client flip.Address
	slot   uint32
	tid    uint64
}

// asked is a request as its reply needs it.
type asked struct {
	command *Command // nil: nobody knows
	number  uint32
	class   class
	server  flip.Address
	move    *Move
	status  std.Status // of the reply

	request, reply pulled
}

// pulled is data that comes in parts, each a message.
type pulled struct{ join }

// mostPulled bounds what is collected: what the kernel's servers are sent is not as
// long.
const mostPulled = 16 << 20

// expect is called when the length is known.
func (p *pulled) expect(size uint32) {
	if len(p.bytes) == 0 && size <= mostPulled {
		p.bytes = make([]byte, size)
	}
}

// add takes a part. It returns the data when the last that was missing has come.
func (p *pulled) add(offset uint32, part []byte) []byte {
	end := uint64(offset) + uint64(len(part))
	if len(part) == 0 || end > uint64(len(p.bytes)) || p.complete() {
		return nil
	}
	copy(p.bytes[offset:], part)
	p.cover(span{offset, uint32(end)})
	if !p.complete() {
		return nil
	}
	return p.bytes
}

func (d *Dissector) rpc(f *Frame, b []byte, whole bool) (*Message, string) {
	s, ok := rpc.Summarize(b)
	if !ok {
		return nil, "not an RPC message"
	}
	m := &Message{Protocol: "RPC", Type: s.Type.String(), Slot: s.Slot, Tid: s.Tid, Whole: whole}
	m.add("%s", m.Type)
	if s.Type == rpc.Locate || s.Type == rpc.HereIs {
		m.Port = d.names.portText(s.Port)
		m.add("port %s", m.Port)
		if s.Type == rpc.HereIs {
			m.add("idle %d", s.Arg)
		}
		return m, ""
	}
	m.add("%d/%d", s.Slot, s.Tid)
	if s.Retrans {
		m.add("again")
	}
	t := transaction{f.Header.Dst, s.Slot, s.Tid}
	if s.Client() {
		t.client = f.Header.Src
	}
	if s.Type == rpc.Request {
		return m, d.request(f, m, t, &s, whole)
	}
	q, known := d.asked.get(t)
	if !known {
		q = &asked{}
	} else {
		m.Command = q.name()
		f.Move = q.move
	}
	switch s.Type {
	case rpc.Reply:
		return m, d.reply(f, m, q, &s, whole)
	case rpc.Nak:
		m.add("reason %d", s.Arg)
	case rpc.Forward:
		m.add("to %s, port %s", d.names.text(s.Address), d.names.portText(s.Port))
	case rpc.Pull, rpc.Part:
		m.add("of the %s %d+%d", strings.ToLower(rpc.Type(s.Arg).String()), s.Offset, s.Length)
	}
	if known {
		m.add("(%s)", m.Command)
	}
	if s.Type == rpc.Part && known && whole {
		return m, d.part(f, m, q, &s)
	}
	return m, ""
}

func (q *asked) name() string {
	if q.command != nil {
		return q.command.Name
	}
	return fmt.Sprintf("command %d", q.number)
}

func (d *Dissector) request(f *Frame, m *Message, t transaction, s *rpc.Summary, whole bool) string {
	h := &s.Header
	q, known := d.asked.get(t)
	if !known {
		q = &asked{number: h.Command, class: d.classOf(f.Header.Dst, h), server: f.Header.Dst}
		q.command = byNumber[q.class][h.Command]
		d.asked.put(t, q)
	}
	m.Command, m.Port = q.name(), d.names.portText(h.Port)
	m.add("%s", m.Command)
	m.headerFields(h)
	f.Move = q.move
	switch {
	case s.Size > 0:
		m.add("and %d bytes", s.Size)
		q.request.expect(s.Size)
	case whole:
		return d.requestData(f, m, q, s.Data)
	case q.command != nil && q.command.Request.Form == PageStream:
		f.Move = d.moves.pagesBegin(f, q, s.Data)
		q.move = f.Move
	}
	return ""
}

// requestData takes all data of a request.
func (d *Dissector) requestData(f *Frame, m *Message, q *asked, data []byte) string {
	var form *Data
	if q.command != nil {
		form = &q.command.Request
	}
	value, bad := d.decode(m, q, form, data)
	if bad == "" {
		f.Move = d.moves.request(f, q, value)
		q.move = f.Move
	}
	return bad
}

func (d *Dissector) reply(f *Frame, m *Message, q *asked, s *rpc.Summary, whole bool) string {
	h := &s.Header
	m.Status = h.Status().String()
	m.add("%s", m.Status)
	if m.Command != "" {
		m.add("(%s)", m.Command)
	}
	m.headerFields(h)
	q.status = h.Status()
	switch {
	case s.Size > 0:
		m.add("and %d bytes", s.Size)
		q.reply.expect(s.Size)
	case whole:
		return d.replyData(f, m, q, s.Data)
	}
	return ""
}

// replyData takes all data of a reply.
func (d *Dissector) replyData(f *Frame, m *Message, q *asked, data []byte) string {
	var form *Data
	if q.command != nil && (q.status == std.OK || len(data) > 0) {
		form = &q.command.Reply
	}
	value, bad := d.decode(m, q, form, data)
	if bad == "" {
		d.moves.reply(f, q, q.status, value)
	}
	return bad
}

// decode decodes data into a message's fields. form may be nil: nobody knows.
func (d *Dissector) decode(m *Message, q *asked, form *Data, data []byte) (value any, bad string) {
	if form != nil {
		if fields, value, ok := form.decode(data); ok {
			m.addFields(fields)
			return value, ""
		}
		if d.sure(q.class) {
			return nil, "the data of " + m.Type + " " + m.Command + " are not what they should be"
		}
	}
	m.addFields(dataField(data))
	return nil, ""
}

// part takes a piece of data that is too long for one message.
func (d *Dissector) part(f *Frame, m *Message, q *asked, s *rpc.Summary) string {
	switch rpc.Type(s.Arg) {
	case rpc.Request:
		if data := q.request.add(s.Offset, s.Data); data != nil {
			return d.requestData(f, m, q, data)
		}
	case rpc.Reply:
		if data := q.reply.add(s.Offset, s.Data); data != nil {
			return d.replyData(f, m, q, data)
		}
	}
	return ""
}

// headerFields are the fields of a header that say something.
func (m *Message) headerFields(h *std.Header) {
	if h.Object != 0 {
		m.addFields([]Field{{"object", fmt.Sprint(h.Object)}})
	}
	if h.Offset != 0 {
		m.addFields([]Field{{"offset", fmt.Sprint(int64(h.Offset))}})
	}
	if h.Size != 0 {
		m.addFields([]Field{{"size", fmt.Sprint(h.Size)}})
	}
	if h.Extra != 0 {
		m.addFields([]Field{{"extra", fmt.Sprint(h.Extra)}})
	}
}

// classOf says whose command a request has. With the cluster's key addresses tell;
// without it a request to a node or to a process is known by what its capability
// looks like, and a program's may look the same.
func (d *Dissector) classOf(to flip.Address, h *std.Header) class {
	if n, ok := d.names.known[to]; ok && n.class != service {
		return n.class
	}
	checked := h.Check != [16]byte{}
	switch {
	case h.Port.IsNull() && byNumber[host][h.Command] != nil:
		return host
	case h.Port.IsNull():
		return object
	case d.names.key != nil && d.names.ports[h.Port] != "":
		return node
	case d.names.key != nil && h.Port == d.names.key.ProcessPort(int32(h.Object)).Put():
		return process
	case d.names.key != nil:
		return service
	case checked && h.Object == 0 && byNumber[node][h.Command] != nil:
		return node
	case checked && h.Object > pidsOfNode && h.Object < (maxNode+1)*pidsOfNode && byNumber[process][h.Command] != nil:
		return process
	}
	return service
}

// sure reports whether data that do not decode are a fault, or may be a program's own.
func (d *Dissector) sure(c class) bool { return d.names.key != nil && c != service }
