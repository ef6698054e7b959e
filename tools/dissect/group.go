package dissect

import (
	"fmt"
	"strings"

	"motile/ipc/group"
)

// group decodes a message of an ordered group.
func (d *Dissector) group(_ *Frame, b []byte, whole bool) (*Message, string) {
	s, ok := group.Summarize(b)
	if !ok {
		return nil, "not a message of a group"
	}
	m := &Message{Protocol: "group", Type: s.Type.String(), Whole: whole}
	m.add("%s", m.Type)
	m.addFields([]Field{{"member", fmt.Sprint(s.Index)}, {"view", fmt.Sprintf("%x", s.View)}})
	m.flag(s.Accept, "accept")
	m.flag(s.Ask, "ask")
	m.flag(s.Go, "go")
	m.flag(s.Out, "out")
	m.number("seqno", s.Seqno)
	if s.Kind != "" {
		m.addFields([]Field{{"kind", s.Kind}, {"origin", fmt.Sprint(s.Origin)}})
	}
	m.number("messid", s.MessID)
	m.number("got", s.Got)
	m.number("taken", s.Taken)
	if !whole {
		return m, ""
	}
	body, ok := group.SummarizeBody(b)
	if !ok {
		return nil, "the body of a group's " + m.Type + " is not what it should be"
	}
	d.groupBody(m, &body)
	return m, ""
}

// groupBody adds what is behind the header.
func (d *Dissector) groupBody(m *Message, b *group.Body) {
	if !b.Address.IsNull() {
		m.addFields([]Field{{"address", d.names.text(b.Address)}})
	}
	if !b.Server.IsNull() {
		m.addFields([]Field{{"server", d.names.text(b.Server)}})
	}
	if !b.Group.IsNull() {
		m.addFields([]Field{{"group", d.names.text(b.Group)}, {"resilience", fmt.Sprint(b.Params.Resilience)}})
	}
	if len(b.Members) > 0 {
		var members []string
		for _, a := range b.Members {
			members = append(members, d.names.text(a))
		}
		m.addFields([]Field{{"applied", fmt.Sprint(b.Applied)}, {"sequencer", fmt.Sprint(b.Sequencer)},
			{"members", "[" + strings.Join(members, " ") + "]"}})
	}
	m.number("command", uint64(b.Header.Command))
	m.addFields(dataField(b.Data))
}

func (m *Message) flag(set bool, name string) {
	if set {
		m.addFields([]Field{{"flag", name}})
	}
}

func (m *Message) number(name string, v uint64) {
	if v != 0 {
		m.addFields([]Field{{name, fmt.Sprint(v)}})
	}
}
