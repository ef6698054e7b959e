package dissect

import (
	"fmt"
	"strings"

	"motile/ipc/flip"
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

// message decodes the front of a message, or, if whole, all of it. It returns nil if
// that is impossible, and why.
func (d *Dissector) message(f *Frame, b []byte, whole bool) (*Message, string) {
	switch f.Header.Proto {
	case flip.ProtoRPC:
		return d.rpc(f, b, whole)
	case flip.ProtoGroup:
		return d.group(f, b, whole)
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
