package dissect

import (
	"fmt"
	"strings"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// Message is what a frame says above FLIP, if it has the beginning of a message or
// completes one.
type Message struct {
	Protocol string  `json:"protocol"`
	Type     string  `json:"type"`
	Slot     uint32  `json:"slot,omitempty"`
	Tid      uint64  `json:"tid,omitempty"`
	Command  string  `json:"command,omitempty"` // of a request; of everything about one
	Status   string  `json:"status,omitempty"`  // of a reply
	Port     string  `json:"port,omitempty"`
	Fields   []Field `json:"fields,omitempty"`
	Whole    bool    `json:"whole"` // all of it has been seen

	parts []string // the text, in order
}

func (m *Message) add(format string, args ...any) {
	m.parts = append(m.parts, fmt.Sprintf(format, args...))
}

func (m *Message) addFields(fields []Field) {
	m.Fields = append(m.Fields, fields...)
	for _, f := range fields {
		m.add("%s=%s", f.Name, f.Value)
	}
}

// text is the message on one line.
func (m *Message) text() string { return strings.Join(m.parts, " ") }

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
}

// message decodes the front of a message, or, if whole, all of it. It returns nil if
// that is impossible, and why.
func (d *Dissector) message(f *Frame, b []byte, whole bool) (*Message, string) {
	switch f.Header.Proto {
	case flip.ProtoRPC:
		return d.rpc(f, b, whole)
	case flip.ProtoRaw:
		return d.raw(f, b, whole)
	}
	return nil, fmt.Sprintf("protocol %d is not known", f.Header.Proto)
}

// raw decodes what programs send by themselves, and what nodes tell everybody.
func (d *Dissector) raw(f *Frame, b []byte, whole bool) (*Message, string) {
	m := &Message{Protocol: "raw", Type: "DATA", Whole: whole}
	if !f.Header.Dst.IsNull() || !api.IsHello(b) {
		m.add("raw %s", bytesText(b))
		return m, ""
	}
	m.Type = "HELLO"
	m.add("HELLO")
	if !whole {
		return m, ""
	}
	var load api.Load
	if image.Unmarshal(api.HelloLoad(b), &load) != nil {
		return nil, "a hello that is none"
	}
	if d.names.key != nil {
		if _, ok := d.names.key.Hears(b); !ok {
			m.add("of another cluster")
		}
	}
	d.names.hello(f.Header.Src, load.Node)
	m.addFields([]Field{{"Node", fmt.Sprint(load.Node)}, {"Boot", fmt.Sprintf("%x", load.Boot)},
		{"Uptime", fmt.Sprintf("%d.%ds", load.UptimeMs/1000, load.UptimeMs%1000/100)},
		{"Processes", fmt.Sprint(load.Processes)}, {"FreeKB", fmt.Sprint(load.FreeKB)}})
	return m, ""
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
	if s.Type == rpc.Request || s.Type == rpc.Ack || s.Type == rpc.Enquire || s.Type == rpc.Received {
		t.client = f.Header.Src
	}
	if s.Type == rpc.Request {
		return m, d.request(f, m, t, &s, whole)
	}
	q, known := d.asked.get(t)
	if known {
		m.Command = q.name()
		f.Move = q.move
	}
	if s.Type == rpc.Reply {
		return m, d.reply(f, m, &q, &s, whole)
	}
	if s.Type == rpc.Nak {
		m.add("reason %d", s.Arg)
	}
	if known {
		m.add("(%s)", m.Command)
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
	q := asked{number: h.Command, class: d.classOf(f.Header.Dst, h), server: f.Header.Dst}
	q.command = byNumber[q.class][h.Command]
	m.Command, m.Port = q.name(), d.names.portText(h.Port)
	m.add("%s", m.Command)
	m.headerFields(h)
	data := s.Data
	if whole {
		var value any
		var ok bool
		if q.command != nil {
			var fields []Field
			if fields, value, ok = q.command.Request.decode(data); ok {
				m.addFields(fields)
			} else if d.sure(q.class) {
				return "the data of " + m.Command + " are not what they should be"
			}
		}
		if !ok {
			m.addFields(dataField(data))
		}
		f.Move = d.moves.request(f, &q, value)
	} else if q.command != nil && q.command.Request.Form == PageStream {
		f.Move = d.moves.pagesBegin(f, &q, data)
	}
	q.move = f.Move
	d.asked.put(t, q)
	return ""
}

func (d *Dissector) reply(f *Frame, m *Message, q *asked, s *rpc.Summary, whole bool) string {
	h := &s.Header
	m.Status = h.Status().String()
	m.add("%s", m.Status)
	if m.Command != "" {
		m.add("(%s)", m.Command)
	}
	m.headerFields(h)
	data := s.Data
	if !whole {
		return ""
	}
	var value any
	ok := false
	if q.command != nil && (h.Status() == std.OK || len(data) > 0) {
		var fields []Field
		if fields, value, ok = q.command.Reply.decode(data); ok {
			m.addFields(fields)
		} else if d.sure(q.class) {
			return "the data of a reply to " + m.Command + " are not what they should be"
		}
	}
	if !ok {
		m.addFields(dataField(data))
	}
	d.moves.reply(f, q, h.Status(), value)
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
