package sim

import (
	"fmt"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/rpc"
)

// clock prints a virtual time.
type clock int64

func (t clock) String() string { return fmt.Sprintf("%.3fms", float64(t)/1e6) }

func (c *Cluster) tracef(format string, args ...any) {
	if c.Trace != nil {
		c.Trace(fmt.Sprintf("%9v  ", clock(c.Now)) + fmt.Sprintf(format, args...))
	}
}

// Tracef adds a line to the trace.
func (c *Cluster) Tracef(format string, args ...any) { c.tracef(format, args...) }

// NamePort gives a get-port's service a name, for the trace.
func (c *Cluster) NamePort(get capability.Port, name string) { c.ports[get.Put()] = name }

func (c *Cluster) portName(put capability.Port) string {
	if name, ok := c.ports[put]; ok {
		return name
	}
	return "?"
}

func (c *Cluster) addressName(a flip.Address) string {
	switch name, ok := c.addresses[a]; {
	case ok:
		return name
	case a.IsNull():
		return "*"
	}
	for _, n := range c.Nodes {
		if n.machine != nil && n.machine.Address() == a {
			return fmt.Sprintf("node%d", n.ID)
		}
	}
	return "?"
}

// traceFrame writes a line for a frame:
//
//	1 > 2  UNIDATA client > server: REQUEST 0/1
func (c *Cluster) traceFrame(from *Node, link int, frame []byte, h *flip.Header, payload []byte, copies int) {
	if c.Trace == nil {
		return
	}
	to := "*"
	if mac := flip.MAC(frame[:6]); mac != flip.Broadcast {
		to = fmt.Sprint(mac[5])
	}
	var b strings.Builder
	if len(c.networks) > 1 {
		fmt.Fprintf(&b, "net %d  ", from.links[link].net+1)
	}
	dst := c.addressName(h.Dst)
	if h.Proto == flip.ProtoGroup && h.Type == flip.MultiData {
		dst = "group"
	}
	fmt.Fprintf(&b, "%d > %s  %-9v %s > %s", from.ID, to, h.Type, c.addressName(h.Src), dst)
	if h.Type == flip.UniData || h.Type == flip.MultiData {
		if h.Length != h.Total {
			fmt.Fprintf(&b, " [%d+%d of %d]", h.Offset, h.Length, h.Total)
		}
		if text := c.summarize(h, payload); text != "" {
			b.WriteString(": " + text)
		}
	}
	if h.Epoch > 0 {
		fmt.Fprintf(&b, " epoch %d", h.Epoch)
	}
	switch {
	case copies == 0:
		b.WriteString("  LOST")
	case copies > 1:
		fmt.Fprintf(&b, "  x%d", copies)
	}
	c.tracef("%s", b.String())
}

// summarize says what message a frame begins.
func (c *Cluster) summarize(h *flip.Header, payload []byte) string {
	if h.Offset != 0 {
		return ""
	}
	if h.Proto == flip.ProtoGroup {
		s, _ := group.Summarize(payload)
		return groupSummary(&s)
	}
	if s, ok := rpc.Summarize(payload); ok {
		return c.summary(&s)
	}
	return ""
}

func (c *Cluster) summary(s *rpc.Summary) string {
	switch s.Type {
	case rpc.Locate:
		return fmt.Sprintf("%v %s", s.Type, c.portName(s.Port))
	case rpc.HereIs:
		return fmt.Sprintf("%v %s idle=%d", s.Type, c.portName(s.Port), s.Arg)
	}
	text := fmt.Sprintf("%v %d/%d", s.Type, s.Slot, s.Tid)
	if s.Retrans {
		text += " RETRANS"
	}
	return text
}

func (c *Cluster) traceComplete(p *Process, e *rpc.Complete) {
	if c.Trace == nil {
		return
	}
	call := map[rpc.Kind]string{rpc.KindTrans: "trans", rpc.KindGetReq: "getreq", rpc.KindPutRep: "putrep"}[e.Kind]
	detail := fmt.Sprintf("%v", e.Status)
	if e.Status == 0 {
		switch e.Kind {
		case rpc.KindTrans:
			detail = fmt.Sprintf("ok, total=%d", e.Header.Offset)
		case rpc.KindGetReq:
			detail = fmt.Sprintf("add %d from %s", e.Header.Offset, c.addressName(e.Client))
		}
	}
	c.tracef("%s: %s %d done: %s", p.Name, call, e.Slot, detail)
}
