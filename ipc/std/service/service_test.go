package service

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// shelf is a server of texts: what the tests ask.
type shelf struct {
	Service[*Object[string]]
	store  Store[string]
	colour string
	copies int
	log    []string
}

const (
	read  capability.Rights = 1
	write capability.Rights = 2
	admin capability.Rights = 4
)

func newShelf() *shelf {
	n := uint64(0)
	s := &shelf{colour: "red"}
	s.store = Store[string]{Port: capability.Port{9}, Lifetime: 2, Random: func() uint64 { n++; return n * 0x9e3779b97f4a7c15 }}
	s.Service = Service[*Object[string]]{
		Find: s.store.Find, Touch: s.store.Touch,
		Needs: func(command uint32) capability.Rights {
			switch command {
			case std.Touch:
				return 0
			case std.Info, std.Stat, std.GetParams, std.Copy:
				return read
			case std.Destroy, std.SetParams:
				return write
			}
			return admin
		},
		Refused: func(_ capability.Capability, command uint32, st std.Status) {
			s.log = append(s.log, fmt.Sprint(command, st))
		},
		Info:    func(o *Object[string]) string { return o.Value },
		Status:  func(*Object[string]) string { return fmt.Sprint(s.store.Len(), " texts") },
		Age:     func() { s.store.Age() },
		Destroy: func(o *Object[string]) std.Status { s.store.Delete(o); return std.OK },
		Copy: func(o *Object[string]) (capability.Capability, std.Status) {
			if s.copies++; s.copies > 2 {
				return capability.Capability{}, std.NoSpace
			}
			return s.store.Create(o.Value), std.OK
		},
		Params: func(*Object[string]) []Param {
			return []Param{
				{Name: "colour", Type: "text", Description: "of the shelf", Get: func() string { return s.colour },
					Parse: func(v string) (func(), bool) { return func() { s.colour = v }, v != "" }},
				{Name: "place", Type: "text", Description: "where it is", Get: func() string { return "here" }},
			}
		},
	}
	return s
}

// ask is a request and its answer.
func (s *shelf) ask(c capability.Capability, h std.Header, data []byte) (std.Header, []byte) {
	h.SetCapability(c)
	_, reply, done := s.Serve(&h, data)
	if !done {
		h = std.Header{}
		h.SetStatus(777) // the server's own command
	}
	return h, reply
}

func (s *shelf) status(c capability.Capability, command uint32) std.Status {
	h, _ := s.ask(c, std.Header{Command: command}, nil)
	return h.Status()
}

func restricted(t *testing.T, c capability.Capability, mask capability.Rights) capability.Capability {
	t.Helper()
	weak, ok := capability.Restrict(c, mask)
	if !ok {
		t.Fatal("not an owner's")
	}
	return weak
}

func TestServe_EveryCommand(t *testing.T) {
	s := newShelf()
	c := s.store.Create("a text")
	if h, text := s.ask(c, std.Header{Command: std.Info}, nil); h.Status() != std.OK || string(text) != "a text" || h.Size != 6 {
		t.Errorf("info: %v %q", h, text)
	}
	if _, text := s.ask(c, std.Header{Command: std.Stat}, nil); string(text) != "1 texts" {
		t.Errorf("status: %q", text)
	}
	h, b := s.ask(c, std.Header{Command: std.Copy}, nil)
	twin, ok := capability.Decode(b)
	if h.Status() != std.OK || !ok || twin == c || s.status(twin, std.Info) != std.OK {
		t.Errorf("copy: %v", h.Status())
	}
	if s.status(twin, std.Destroy) != std.OK || s.status(twin, std.Info) != std.CapBad {
		t.Error("destroyed, and still there")
	}
	h, b = s.ask(restricted(t, c, read|admin), std.Header{Command: std.Restrict, Offset: uint64(read | write)}, nil)
	if weak, _ := capability.Decode(b); h.Status() != std.OK || weak != restricted(t, c, read) {
		t.Errorf("restrict: %v, %v", h.Status(), weak)
	}
	if s.status(c, std.Monitor) != std.ComBad || s.status(c, 15000) != 777 {
		t.Error("a command nobody has")
	}
	s.Copy = nil
	if s.status(c, std.Copy) != std.ComBad {
		t.Error("a command without a hook")
	}
}

func TestParams(t *testing.T) {
	s := newShelf()
	c := s.store.Create("a text")
	h, b := s.ask(c, std.Header{Command: std.GetParams}, nil)
	list, err := std.DecodeParams(b, h.Size)
	if err != nil || len(list) != 2 || list[0] != (std.Param{Name: "colour", Type: "text", Description: "of the shelf", Value: "red"}) {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, test := range []struct {
		settings []std.Setting
		want     std.Status
		colour   string
	}{
		{[]std.Setting{{Name: "colour", Value: "blue"}}, std.OK, "blue"},
		{[]std.Setting{{Name: "colour", Value: "green"}, {Name: "colour", Value: ""}}, std.ArgBad, "blue"}, // all or nothing
		{[]std.Setting{{Name: "colour", Value: "green"}, {Name: "place", Value: "there"}}, std.WriteProt, "blue"},
		{[]std.Setting{{Name: "size", Value: "1"}}, std.NotFound, "blue"},
		{nil, std.ArgBad, "blue"},
	} {
		h, _ := s.ask(c, std.Header{Command: std.SetParams, Size: uint32(len(test.settings))}, std.AppendSettings(nil, test.settings))
		if h.Status() != test.want || s.colour != test.colour {
			t.Errorf("%v: %v, %s", test.settings, h.Status(), s.colour)
		}
	}
	if h, _ := s.ask(c, std.Header{Command: std.SetParams, Size: 1}, []byte("colour")); h.Status() != std.ArgBad {
		t.Errorf("cut short: %v", h.Status())
	}
	if h, _ := s.ask(c, std.Header{Command: std.SetParams, Size: 1 << 31}, []byte("a\x00b\x00")); h.Status() != std.ArgBad {
		t.Errorf("more than there are: %v", h.Status())
	}
}

// Wrong checks, rights that were added, masks that reach for more, objects that are
// not there: each gets its error, and is counted.
func TestServe_Adversary(t *testing.T) {
	s := newShelf()
	owner := s.store.Create("a text")
	other := s.store.Create("another")
	reader := restricted(t, owner, read)
	for name, test := range map[string]struct {
		c    capability.Capability
		want std.Status
	}{
		"null":             {capability.Capability{}, std.CapBad},
		"no such object":   {capability.Capability{Port: owner.Port, Object: 99, Rights: owner.Rights, Check: owner.Check}, std.CapBad},
		"another's check":  {capability.Capability{Port: owner.Port, Object: owner.Object, Rights: owner.Rights, Check: other.Check}, std.CapBad},
		"rights added":     {capability.Capability{Port: reader.Port, Object: reader.Object, Rights: read | write, Check: reader.Check}, std.CapBad},
		"all rights added": {capability.Capability{Port: reader.Port, Object: reader.Object, Rights: capability.AllRights, Check: reader.Check}, std.CapBad},
		"rights taken":     {capability.Capability{Port: reader.Port, Object: reader.Object, Check: reader.Check}, std.CapBad},
		"owner's, cut":     {capability.Capability{Port: owner.Port, Object: owner.Object, Rights: read, Check: owner.Check}, std.CapBad},
		"another port":     {capability.Capability{Port: capability.Port{8}, Object: reader.Object, Rights: read, Check: reader.Check}, std.CapBad},
		"no right":         {reader, std.Denied},
		"no rights at all": {restricted(t, owner, 0), std.Denied},
	} {
		before := s.Stats
		if got := s.status(test.c, std.Destroy); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if s.Stats.CapBad+s.Stats.Denied != before.CapBad+before.Denied+1 {
			t.Errorf("%s: not counted", name)
		}
	}
	if len(s.log) != 10 || !strings.Contains(strings.Join(s.log, " "), "STD_DENIED") {
		t.Errorf("log: %q", s.log)
	}
	// Every bit of a good one matters.
	b := reader.Append(nil)
	for i := range len(b) * 8 {
		bad := bytes.Clone(b)
		bad[i/8] ^= 1 << (i % 8)
		c, _ := capability.Decode(bad)
		if got := s.status(c, std.Info); got != std.CapBad {
			t.Errorf("bit %d turned: %v", i, got)
		}
	}
	// Restricting never gives more.
	for mask := range capability.Rights(8) {
		_, b := s.ask(reader, std.Header{Command: std.Restrict, Offset: uint64(mask) | 0xffffffff00000000}, nil)
		if weak, ok := capability.Decode(b); !ok || weak.Rights != read&mask || s.status(weak, std.Destroy) != std.Denied {
			t.Errorf("mask %d: %v", mask, weak)
		}
	}
	if s.status(reader, std.Info) != std.OK || s.status(owner, std.Info) != std.OK {
		t.Error("the good ones are refused")
	}
	o, _, _ := s.store.Find(owner.Object)
	fresh := s.store.Revoke(o)
	if s.status(reader, std.Info) != std.CapBad || s.status(owner, std.Info) != std.CapBad || s.status(fresh, std.Info) != std.OK {
		t.Error("revoked ones are taken")
	}
}

// What nobody touches is gone when the server has aged often enough.
func TestAge(t *testing.T) {
	s := newShelf()
	kept, listed, left := s.store.Create("kept"), s.store.Create("listed"), s.store.Create("left")
	ager := restricted(t, kept, admin)
	for range 5 {
		if s.status(ager, std.Age) != std.OK {
			t.Fatal("age")
		}
		if s.status(restricted(t, kept, 0), std.Touch) != std.OK {
			t.Error("touch")
		}
		weak := restricted(t, listed, read)
		bad := listed
		bad.Check[0]++
		list := bad.Append(weak.Append(nil))
		if h, _ := s.ask(kept, std.Header{Command: std.NTouch}, list); h.Status() != std.OK || h.Extra != 1 {
			t.Errorf("touching two: %v, %d bad", h.Status(), h.Extra)
		}
	}
	if s.status(kept, std.Info) != std.OK || s.status(listed, std.Info) != std.OK || s.status(left, std.Info) != std.CapBad || s.store.Len() != 2 {
		t.Errorf("%d objects are left", s.store.Len())
	}
	if h, _ := s.ask(kept, std.Header{Command: std.NTouch}, []byte("x")); h.Status() != std.ArgBad {
		t.Errorf("no list: %v", h.Status())
	}
}

// A check that has been made costs no hash again.
func TestServe_ChecksOnce(t *testing.T) {
	s := newShelf()
	reader := restricted(t, s.store.Create("a text"), read)
	for range 10 {
		s.status(reader, std.Info)
	}
	if s.Cache.Misses != 1 || s.Cache.Hits != 9 {
		t.Errorf("%d misses, %d hits", s.Cache.Misses, s.Cache.Hits)
	}
}
