package soap

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/soap/client"
)

// bench is a state and what asks it.
type bench struct {
	t      *testing.T
	s      *State
	now    int64
	random uint64
	asked  []capability.Capability // that Weaken was called for
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, s: NewState(capability.Port{9}, capability.Secret{1, 2, 3}), now: 1000}
}

func (b *bench) draw() uint64 { b.random++; return b.random * 0x9e3779b97f4a7c15 }

// weaken is what other servers do: those of port 7 know how.
func (b *bench) weaken(c capability.Capability, mask capability.Rights) (capability.Capability, bool) {
	b.asked = append(b.asked, c)
	return capability.Capability{Port: c.Port, Object: c.Object, Rights: c.Rights & mask, Check: [16]byte{0xee}}, c.Port == capability.Port{7}
}

// trans is the whole server, for a client.
func (b *bench) trans(h *std.Header, request, reply []byte) (int, error) {
	if h.Port != b.s.port {
		return 0, std.RPCNotFound
	}
	if IsUpdate(h.Command) {
		b.now++
		u := Update{Header: *h, Data: request, Stamp: Stamp{NowMs: b.now, Secret: capability.NewSecret(b.draw)}}
		u, ok := DecodeUpdate(*h, u.Encode()) // as it goes to the replicas
		if !ok {
			b.t.Fatal("an update does not survive its encoding")
		}
		*h = b.s.Apply(&u)
		return 0, nil
	}
	a := b.s.Read(h, request)
	a.Finish(b.weaken)
	*h = a.Header
	return copy(reply, a.Data), nil
}

func (b *bench) client() *client.Client { return b.as(b.s.Root()) }

func (b *bench) as(root capability.Capability) *client.Client {
	c := client.New(b.trans, root)
	c.Patience = 0
	return c
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) want(err error, want std.Status) {
	b.t.Helper()
	if !errors.Is(err, want) {
		b.t.Errorf("%v, want %v", err, want)
	}
}

// object is a capability of another server.
func object(n uint64) capability.Capability {
	return capability.Owner(capability.Port{7}, n, capability.Secret{byte(n + 1)})
}

func names(l std.SoapListing) string {
	var list []string
	for _, r := range l.Rows {
		list = append(list, r.Name)
	}
	return strings.Join(list, " ")
}

func TestState_EveryCommand(t *testing.T) {
	b := newBench(t)
	c := b.client()
	b.must(c.Mkdir("/home"))
	b.must(c.Mkdir("/home/me"))
	b.must(c.Append("/home/me/file", client.Cap(object(1))))
	b.want(c.Append("/home/me/file", client.Cap(object(2))), std.Exists)
	set, err := c.Lookup("//home/./me/x/../file")
	if b.must(err); client.First(set) != object(1) {
		t.Errorf("looked up %v", set)
	}
	b.must(c.Replace("/home/me/file", client.Cap(object(2))))
	if set, err = c.Lookup("home/me/file"); err != nil || client.First(set) != object(2) {
		t.Errorf("replaced: %v, %v", set, err)
	}
	b.want(c.Replace("/home/me/other", client.Cap(object(2))), std.NotFound)
	b.want(c.Delete("/home/me/other"), std.NotFound)
	b.want(c.Rmdir("/home/me"), std.SoapNotEmpty)
	b.must(c.Rename("/home/me/file", "/home/elsewhere"))
	b.want(c.Rename("/home/me/file", "/home/again"), std.NotFound)
	b.want(c.Rename("/home/me", "/home/elsewhere"), std.SoapClash)
	l, err := c.List("/home")
	if b.must(err); names(l) != "elsewhere me" || strings.Join(l.Columns, " ") != "owner group other" || l.Rows[0].MtimeMs == 0 {
		t.Errorf("%+v", l)
	}
	b.must(c.Chmod("/home/elsewhere", 1, 2, 3))
	if l, err = c.List("/home"); err != nil || !slices.Equal(l.Rows[0].Masks, []capability.Rights{1, 2, 3}) {
		t.Errorf("%+v, %v", l, err)
	}
	b.want(c.Chmod("/home/elsewhere", 1, 2), std.ArgBad)
	b.must(c.Rmdir("/home/me"))
	b.want(c.Discard(b.s.Root()), std.Denied)
	_, err = c.Lookup("/home/me")
	b.want(err, std.NotFound)
	_, err = c.Lookup("/home/elsewhere/deeper") // its server does not answer
	b.want(err, std.RPCNotFound)
	for _, name := range []string{"/", "/a\x00b", "/" + strings.Repeat("x", 256)} {
		b.want(c.Append(name, client.Cap(object(1))), std.ArgBad)
	}
	b.want(c.Append("/empty", capability.Set{}), std.ArgBad)
	_, err = c.Create("one", "two", "three", "four", "five")
	b.want(err, std.ArgBad)
	_, err = c.Create("one", "one")
	b.want(err, std.ArgBad)
	text, err := c.Status()
	if err != nil || !strings.Contains(text, "directories 2\nrows 2\n") {
		t.Errorf("%q, %v", text, err)
	}
}

// A lookup gives what the columns allow that the asker may use, all together.
func TestState_Columns(t *testing.T) {
	b := newBench(t)
	owner := b.client()
	b.must(owner.Append("/file", client.Cap(object(1)), 0xff, 0x0f, 0x02))
	weakest := object(2)
	weakest.Rights = 0x13 // not the owner's: only its server can restrict it
	b.must(owner.Append("/weak", client.Cap(weakest), 0xff, 0x01, 0x01))
	b.must(owner.Append("/secret", client.Cap(object(3)), 0xff, 0, 0))
	b.must(owner.Mkdir("/sub"))
	b.must(owner.Chmod("/sub", capability.AllRights, std.SoapRgtModify|2, 4))
	b.must(owner.Append("/sub/file", client.Cap(object(4)), 0xff, 0x0f, 0x02))
	with := func(rights capability.Rights) *client.Client {
		root, _ := capability.Restrict(b.s.Root(), rights)
		return b.as(root)
	}
	for rights, want := range map[capability.Rights]capability.Rights{1: 0xff, 2: 0x0f, 4: 0x02, 6: 0x0f, 0x44: 0x02} {
		set, err := with(rights).Lookup("/file")
		b.must(err)
		if c := client.First(set); c.Rights != want {
			t.Errorf("rights %#x: looked up %#x, want %#x", rights, c.Rights, want)
		}
	}
	for _, rights := range []capability.Rights{0, 8, std.SoapRgtModify} { // there are three columns
		_, err := with(rights).Lookup("/file")
		b.want(err, std.Denied)
		_, err = with(rights).List("/")
		b.want(err, std.Denied)
	}
	_, err := with(6).Lookup("/secret")
	b.want(err, std.Denied)
	set, err := with(2).Lookup("/weak")
	if b.must(err); client.First(set).Rights != 1 || len(b.asked) != 1 || b.asked[0] != weakest {
		t.Errorf("%v, asked %v", set, b.asked)
	}
	// Rights to a directory below are those of its row, and not more.
	if set, err = with(2).Lookup("/sub"); err != nil || client.First(set).Rights != 2|std.SoapRgtModify {
		t.Errorf("%v, %v", set, err)
	}
	b.must(with(2).Append("/sub/by-group", client.Cap(object(5))))
	b.want(with(4).Append("/sub/by-other", client.Cap(object(5))), std.Denied)
	if set, err = with(4).Lookup("/sub/file"); err != nil || client.First(set).Rights != 0x02 {
		t.Errorf("%v, %v", set, err)
	}
	b.want(with(2).Append("/x", client.Cap(object(5))), std.Denied)
	b.must(owner.Append("/gone", client.Cap(capability.Capability{Port: capability.Port{6}, Rights: 3, Check: [16]byte{1}}), 1, 1, 1))
	_, err = owner.Lookup("/gone")
	b.want(err, std.SoapUnreach)
}

func TestInstall_AllOrNothing(t *testing.T) {
	b := newBench(t)
	c := b.client()
	b.must(c.Mkdir("/a"))
	b.must(c.Mkdir("/b"))
	b.must(c.Append("/a/x", client.Cap(object(1))))
	b.must(c.Append("/b/y", client.Cap(object(2))))
	dir := func(name string) capability.Capability {
		set, err := c.Lookup(name)
		b.must(err)
		return client.First(set)
	}
	reader, _ := capability.Restrict(dir("/b"), 7)
	forged := dir("/b")
	forged.Check[3]++
	x := std.SoapChange{Dir: dir("/a"), Expect: std.SoapEquals, Old: client.Cap(object(1)), Row: std.SoapRow{Name: "x", Set: client.Cap(object(3))}}
	row := func(n uint64) std.SoapRow { return std.SoapRow{Name: "y", Set: client.Cap(object(n))} }
	for name, test := range map[string]struct {
		with std.SoapChange
		want std.Status
	}{
		"another is there":     {std.SoapChange{Dir: dir("/b"), Expect: std.SoapEquals, Old: client.Cap(object(9)), Row: row(4)}, std.SoapClash},
		"one is there":         {std.SoapChange{Dir: dir("/b"), Expect: std.SoapAbsent, Row: row(4)}, std.SoapClash},
		"none is there":        {std.SoapChange{Dir: dir("/b"), Row: std.SoapRow{Name: "z", Set: client.Cap(object(4))}}, std.SoapClash},
		"no right":             {std.SoapChange{Dir: reader, Row: row(4)}, std.Denied},
		"forged":               {std.SoapChange{Dir: forged, Row: row(4)}, std.CapBad},
		"the same twice":       {x, std.ArgBad},
		"no name":              {std.SoapChange{Dir: dir("/b"), Row: std.SoapRow{Set: client.Cap(object(4))}}, std.ArgBad},
		"nothing into nothing": {std.SoapChange{Dir: dir("/b"), Expect: std.SoapAbsent, Row: std.SoapRow{Name: "z"}}, std.ArgBad},
	} {
		before := b.s.bytes
		if err := c.Install(x, test.with); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if set, err := c.Lookup("/a/x"); err != nil || client.First(set) != object(1) || b.s.bytes != before {
			t.Errorf("%s: half of it was done: %v, %v", name, set, err)
		}
	}
	b.must(c.Install(x,
		std.SoapChange{Dir: dir("/b"), Row: std.SoapRow{Name: "y"}},
		std.SoapChange{Dir: dir("/b"), Expect: std.SoapAbsent, Row: std.SoapRow{Name: "z", Set: client.Cap(object(5))}}))
	l, err := c.List("/b")
	if set, _ := c.Lookup("/a/x"); err != nil || names(l) != "z" || client.First(set) != object(3) {
		t.Errorf("%v %v %v", l, set, err)
	}
}

// An update that is repeated under its number is carried out once, and answered as it was.
func TestApply_Once(t *testing.T) {
	b := newBench(t)
	h := std.Header{Command: std.SoapCreate, Offset: 77}
	h.SetCapability(b.s.Root())
	u := Update{Header: h, Stamp: Stamp{NowMs: 5, Secret: capability.Secret{5}}}
	first := b.s.Apply(&u)
	u.Secret = capability.Secret{6} // another replica was asked
	again := b.s.Apply(&u)
	if first.Status() != std.OK || first != again || len(b.s.dirs) != 2 || b.s.Seq != 1 {
		t.Errorf("%+v, %+v, %d directories", first, again, len(b.s.dirs))
	}
	for i := range uint64(rememberedOutcomes) {
		u.Header.Offset = 1000 + i
		u.Header.Command = std.SoapGetSeqNr // no update: refused, and remembered
		b.s.Apply(&u)
	}
	if len(b.s.done.order) != rememberedOutcomes || len(b.s.done.byNumber) != rememberedOutcomes {
		t.Errorf("%d outcomes are remembered", len(b.s.done.order))
	}
}

func TestLimits(t *testing.T) {
	b := newBench(t)
	c := b.client()
	set := capability.Set{Wanted: 8}
	for n := range uint64(8) {
		b.must(set.Insert(object(n)))
	}
	var err error
	n := 0
	for ; err == nil; n++ {
		err = c.Append(fmt.Sprintf("/%0200d", n), set)
	}
	b.want(err, std.NoSpace)
	if b.s.bytes > MaxDirectory || b.s.bytes != len(encodeListing(b.s.dirs[0])) {
		t.Errorf("%d bytes, counted as %d", len(encodeListing(b.s.dirs[0])), b.s.bytes)
	}
	// It is listed in several parts, each row once, and can be emptied.
	l, err := c.List("/")
	if b.must(err); len(l.Rows) != n-1 || !slices.IsSortedFunc(l.Rows, func(a, b std.SoapRow) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d rows listed, of %d", len(l.Rows), n-1)
	}
	for _, r := range l.Rows {
		b.must(c.Delete(r.Name))
	}
	if empty := len(encodeListing(b.s.dirs[0])); b.s.bytes != empty {
		t.Errorf("%d bytes empty, counted as %d", empty, b.s.bytes)
	}
	b.must(c.Append("/again", set))
}

// What a directory is written as, it is read from; and the same updates make the same
// state everywhere.
func TestState_AsFiles(t *testing.T) {
	b := newBench(t)
	c := b.client()
	b.must(c.Mkdir("/home", "only"))
	b.must(c.Append("/home/file", client.Cap(object(1))))
	other := NewState(b.s.port, capability.Secret{})
	b.must(other.LoadHead(b.s.Head()))
	for _, n := range b.s.Directories() {
		file, _ := b.s.File(n)
		b.must(other.Load(file))
	}
	if !bytes.Equal(other.Head(), b.s.Head()) || other.bytes != b.s.bytes {
		t.Error("another head")
	}
	for _, n := range b.s.Directories() {
		one, _ := b.s.File(n)
		two, _ := other.File(n)
		if !bytes.Equal(one, two) {
			t.Errorf("directory %d differs", n)
		}
		for i := range one {
			if len(one) > 0 && other.Load(one[:i]) == nil {
				t.Errorf("directory %d, cut to %d bytes, is read", n, i)
			}
		}
	}
	for i := range len(b.s.Head()) {
		_ = NewState(b.s.port, capability.Secret{}).LoadHead(b.s.Head()[:i]) // must not panic
	}
}

// Directories that are entered nowhere go, in time; touched ones and those in use stay.
func TestAge(t *testing.T) {
	b := newBench(t)
	c := b.client()
	b.must(c.Mkdir("/a"))
	b.must(c.Mkdir("/a/b"))
	lost, err := c.Create()
	b.must(err)
	held, err := c.Create()
	b.must(err)
	ask := func(c capability.Capability, command uint32) std.Status {
		h := std.Header{Command: command}
		h.SetCapability(c)
		_, err := b.trans(&h, nil, nil)
		b.must(err)
		return h.Status()
	}
	for range lifetime {
		if ask(b.s.Root(), std.Age) != std.OK || ask(held, std.Touch) != std.OK {
			t.Fatal("age or touch")
		}
	}
	if ask(lost, std.Info) != std.CapBad || ask(held, std.Info) != std.OK || len(b.s.dirs) != 4 {
		t.Errorf("%d directories", len(b.s.dirs))
	}
	if _, err := c.Lookup("/a/b"); err != nil {
		t.Error(err)
	}
}

// Whatever a request says, the answer is one.
func FuzzRequest(f *testing.F) {
	row := std.SoapRow{Name: "x", Set: client.Cap(object(1))}
	f.Add(std.SoapAppend, uint32(0xffffffff), std.SoapEncode(&row))
	f.Add(std.SoapLookup, uint32(7), []byte("a/b/c"))
	f.Add(std.SoapInstall, uint32(0xffffffff), std.SoapEncode(&[]std.SoapChange{{Row: row}}))
	f.Add(std.SoapSetLookup, uint32(1), std.SoapEncode(&[]std.SoapEntry{{Name: "x"}}))
	f.Fuzz(func(t *testing.T, command, rights uint32, data []byte) {
		b := newBench(t)
		b.must(b.client().Mkdir("/a"))
		root, _ := capability.Restrict(b.s.Root(), capability.Rights(rights))
		h := std.Header{Command: command}
		h.SetCapability(root)
		b.trans(&h, data, make([]byte, 1<<16))
		if want := len(encodeListing(b.s.dirs[0])); b.s.dirs[0].bytes != want {
			t.Errorf("%d bytes are counted as %d", want, b.s.dirs[0].bytes)
		}
	})
}
