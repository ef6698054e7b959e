package vm_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/kernel/wait"
)

const (
	base = 0x100000
	page = vm.PageBytes
)

// space is one with n pages of memory at base. When the test ends, it must have held all
// the frames that are gone.
func space(t *testing.T, n uint64) *vm.Space {
	t.Helper()
	initMemory()
	free := hw.Stats().Free
	s := vm.New()
	if _, errno := s.Map(base, n*page, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true); errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() {
		releaseAll(s)
		if lost := int64(free - hw.Stats().Free); lost != 0 {
			t.Errorf("%d frames are lost", lost)
		}
	})
	return s
}

// content is a page that tells where it comes from.
func content(origin uint64) *[page]byte {
	var p [page]byte
	for i := range p {
		p[i] = byte(origin>>12) ^ byte(i) ^ byte(i>>8)
	}
	return &p
}

func setAway(t *testing.T, s *vm.Space, addr, origin uint64) {
	t.Helper()
	if !s.SetAway(addr, origin) {
		t.Fatalf("page %#x cannot be away", addr)
	}
}

func arrive(t *testing.T, s *vm.Space, addr, origin uint64) {
	t.Helper()
	if ok, mem := s.Arrive(addr, origin, content(origin)); !ok || !mem {
		t.Fatalf("page %#x does not arrive: %v %v", addr, ok, mem)
	}
}

func TestAway_TouchReadAndArrive(t *testing.T) {
	s := space(t, 4)
	const origin = 0x7fff12345000
	setAway(t, s, base+page, origin)
	if s.SetAway(base+page, origin) || s.SetAway(base+1, origin) || s.SetAway(base, 5) || s.SetAway(0, origin) || s.SetAway(base, abi.UserTop) {
		t.Error("it is away twice, or what cannot be is")
	}
	if got, ok := s.IsAway(base + page + 77); !ok || got != origin {
		t.Errorf("its origin is %#x, %v", got, ok)
	}
	if f := s.Touch(base+page, vm.ProtRead); f != vm.Away {
		t.Errorf("touched: %d", f)
	}
	if _, wanted := s.Wanted(); wanted {
		t.Error("the kernel has wanted nothing yet")
	}
	var b [2 * page]byte
	if n, f := s.CopyIn(b[:], base+8); f != vm.Away || n != page-8 {
		t.Errorf("read %d bytes, %d", n, f)
	}
	if at, _ := s.Wanted(); at != base+page {
		t.Errorf("wanted is %#x", at)
	}
	if f, _ := s.Chunk(base+page, 8, true); f != nil {
		t.Error("a chunk of it can be written")
	}
	if s.Peek(b[:], base) || s.Frame(base+page) != 0 {
		t.Error("a debugger sees something")
	}
	if _, f := s.Poke(base+page, b[:1]); f != vm.Away {
		t.Errorf("poked: %d", f)
	}
	if n, _ := s.Resident(); n != 1 {
		t.Errorf("%d pages are resident", n)
	}
	if ok, _ := s.Arrive(base+page, origin+page, content(0)); ok {
		t.Error("another page has arrived")
	}
	if ok, _ := s.Arrive(base+2*page, origin, content(0)); ok {
		t.Error("it has arrived elsewhere")
	}
	arrive(t, s, base+page, origin)
	if ok, _ := s.Arrive(base+page, origin, content(0)); ok || s.Away() != 0 {
		t.Error("it has arrived twice")
	}
	if n, f := s.CopyIn(b[:page], base+page); n != page || f != vm.OK || !bytes.Equal(b[:page], content(origin)[:]) {
		t.Errorf("read %d bytes, %d, or others", n, f)
	}
	if f := s.Touch(base+page, vm.ProtWrite); f != vm.OK {
		t.Errorf("written: %d", f)
	}
}

// Rights are those that the region has when the page comes.
func TestAway_Protected(t *testing.T) {
	s := space(t, 2)
	setAway(t, s, base, base)
	if s.Protect(base, page, vm.ProtRead) != 0 {
		t.Fatal("mprotect")
	}
	if _, f := s.CopyOut(base, []byte{1}); f != vm.NoAccess {
		t.Errorf("written: %d", f)
	}
	arrive(t, s, base, base)
	if f := s.Touch(base, vm.ProtWrite); f != vm.NoAccess {
		t.Errorf("touched: %d", f)
	}
	setAway(t, s, base+page, base+page)
	s.Protect(base+page, page, 0)
	if f := s.Touch(base+page, vm.ProtRead); f != vm.NoAccess {
		t.Errorf("touched: %d", f)
	}
	arrive(t, s, base+page, base+page)
	if f := s.Touch(base+page, vm.ProtRead); f != vm.NoAccess {
		t.Errorf("touched: %d", f)
	}
}

// What is written waits for the rest; what is written whole does not.
func TestAway_Partial(t *testing.T) {
	s := space(t, 3)
	for i := range uint64(3) {
		setAway(t, s, base+i*page, base+i*page)
	}
	if n, f := s.CopyOut(base+100, []byte("written")); n != 7 || f != vm.OK {
		t.Fatalf("wrote %d, %d", n, f)
	}
	var b [page]byte
	if _, f := s.CopyIn(b[:7], base+100); f != vm.OK || string(b[:7]) != "written" {
		t.Errorf("read %q, %d", b[:7], f)
	}
	if n, f := s.CopyIn(b[:8], base+100); f != vm.Away || n != 7 {
		t.Errorf("read %d, %d", n, f)
	}
	arrive(t, s, base, base)
	want := *content(base)
	copy(want[100:], "written")
	if s.CopyIn(b[:], base); b != want {
		t.Error("the two were not made one")
	}
	if f := s.Zero(base+page+5, page-5+3); f != vm.OK {
		t.Fatal(f)
	}
	if f := s.Zero(base+page, 5); f != vm.OK || s.Away() != 1 {
		t.Errorf("%d pages are away, %d", s.Away(), f)
	}
	if n, f := s.CopyIn(b[:], base+page); n != page || f != vm.OK || b != [page]byte{} {
		t.Errorf("read %d, %d", n, f)
	}
	if got, valid := s.Partial(base + 2*page); got == nil || valid[0] != 7 {
		t.Error("the third page has no part")
	}
	s.Discard(base+2*page, page)
	if n, f := s.CopyIn(b[:], base+2*page); n != page || f != vm.OK || b != [page]byte{} {
		t.Errorf("a fresh page: %d, %d", n, f)
	}
}

// Whoever waits is woken by whatever becomes of his page, and by nothing else.
func TestAway_Waiters(t *testing.T) {
	for name, end := range map[string]func(s *vm.Space){
		"arrive":  func(s *vm.Space) { s.Arrive(base, base, content(base)) },
		"munmap":  func(s *vm.Space) { s.Unmap(base, page) },
		"madvise": func(s *vm.Space) { s.Discard(base, page) },
		"mremap":  func(s *vm.Space) { s.Remap(base, page, page, base+16*page, true, true) },
		"write":   func(s *vm.Space) { s.CopyOut(base, make([]byte, page)) },
	} {
		s := space(t, 2)
		setAway(t, s, base, base)
		setAway(t, s, base+page, base+page)
		var x, y sleeper
		wx, wy := &wait.Waiter{Owner: &x}, &wait.Waiter{Owner: &y}
		s.Await(wx, base+9)
		s.Await(wy, base+page)
		s.CopyOut(base, []byte{1})
		if x.woken {
			t.Errorf("%s: woken by a byte", name)
		}
		end(s)
		if !x.woken || y.woken {
			t.Errorf("%s: woken %v, the other %v", name, x.woken, y.woken)
		}
		wy.Remove()
	}
}

type sleeper struct{ woken bool }

func (s *sleeper) Wake(w *wait.Waiter, _ uint32) {
	s.woken = true
	w.Remove()
}

// There is one content, so there cannot be two processes.
func TestAway_NoFork(t *testing.T) {
	s := space(t, 2)
	s.Touch(base+page, vm.ProtWrite)
	setAway(t, s, base, base)
	if s.Fork() != nil || s.Snapshot() != nil {
		t.Error("there are two")
	}
	if !s.Missing(base, 1) || s.Missing(base+page, page) || s.Missing(base, 0) || !s.Missing(base-page, 1<<63) {
		t.Error("what is missing is not what is away")
	}
	if !s.Settle() {
		t.Error("the page lies in no region")
	}
	arrive(t, s, base, base)
	c := s.Fork()
	if c == nil {
		t.Fatal("no fork")
	}
	c.Release()
}

// Memory that is short makes a write fail, and leaves what arrives away.
func TestAway_NoMemory(t *testing.T) {
	s := space(t, 2)
	setAway(t, s, base, base)
	was := hw.Stats()
	hw.SetHeapCeiling(was.Heap + was.Free - hw.Slack)
	_, f := s.CopyOut(base, []byte{1})
	ok, mem := s.Arrive(base, base, content(base))
	hw.SetHeapCeiling(was.Ceiling)
	if f != vm.NoMemory || !ok || mem || s.Away() != 1 {
		t.Errorf("written: %d; arrived: %v %v", f, ok, mem)
	}
	arrive(t, s, base, base)
}

// TestAway_Model does what processes do to memory, some of which is away at any time, and
// compares it with memory that never was.
func TestAway_Model(t *testing.T) { rapid.Check(t, model) }

// modelPages is how many pages the model has room for; half of them are mapped at first.
const modelPages = 16

type modelled struct {
	*rapid.T
	s      *vm.Space
	mem    map[uint64]*[page]byte // what must be there, by address; nil: nothing is mapped
	origin uint64
	away   map[uint64]*[page]byte // by origin
}

func model(t *rapid.T) {
	initMemory()
	free := hw.Stats().Free
	m := &modelled{T: t, s: vm.New(), mem: make(map[uint64]*[page]byte), origin: 1 << 30, away: make(map[uint64]*[page]byte)}
	m.place(base, modelPages/2)
	t.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) { m.count() },
		"leave": func(t *rapid.T) {
			if addr := m.any(t); m.mem[addr] != nil {
				m.leave(addr)
			}
		},
		"arrive": func(t *rapid.T) { m.arrive(m.any(t)) },
		"late": func(t *rapid.T) { // for a page that is away no more, or another now
			if ok, _ := m.s.Arrive(m.any(t), m.origin+page, new([page]byte)); ok {
				t.Fatal("a page has arrived that nobody has sent")
			}
		},
		"write": m.write, "zero": m.zero, "read": m.read, "unmap": m.unmap, "map": m.remake, "move": m.move,
		"discard": func(t *rapid.T) {
			if addr := m.any(t); m.mem[addr] != nil {
				m.s.Discard(addr, page)
				*m.mem[addr] = [page]byte{}
			}
		},
	})
	for addr := range m.mem {
		m.compare(addr, 0, page)
	}
	releaseAll(m.s)
	if lost := int64(free - hw.Stats().Free); lost != 0 {
		t.Fatalf("%d frames are lost", lost)
	}
}

func (m *modelled) any(t *rapid.T) uint64 {
	return base + page*rapid.Uint64Range(0, modelPages-1).Draw(t, "page")
}

func (m *modelled) place(addr, n uint64) {
	if _, errno := m.s.Map(addr, n*page, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true); errno != 0 {
		m.Fatal(errno)
	}
	for i := range n {
		m.mem[addr+i*page] = new([page]byte)
	}
}

// leave takes a page that is here away.
func (m *modelled) leave(addr uint64) {
	if _, is := m.s.IsAway(addr); is {
		return
	}
	m.s.Discard(addr, page)
	m.origin += page
	if !m.s.SetAway(addr, m.origin) {
		m.Fatal("a page cannot be away")
	}
	was := *m.mem[addr]
	m.away[m.origin] = &was
}

func (m *modelled) arrive(addr uint64) {
	origin, is := m.s.IsAway(addr)
	if !is {
		return
	}
	if ok, mem := m.s.Arrive(addr, origin, m.away[origin]); !ok || !mem {
		m.Fatalf("page %#x does not arrive: %v %v", addr, ok, mem)
	}
	delete(m.away, origin)
}

// span is a range of bytes, perhaps over several pages, and whether all of it is mapped.
func (m *modelled) span(t *rapid.T) (addr, n uint64, ok bool) {
	addr = m.any(t) + rapid.Uint64Range(0, page-1).Draw(t, "offset")
	n = rapid.OneOf(rapid.Uint64Range(1, 16), rapid.Uint64Range(page-1, 2*page)).Draw(t, "bytes")
	for a := addr &^ (page - 1); a < addr+n; a += page {
		if m.mem[a] == nil {
			return addr, n, false
		}
	}
	return addr, n, true
}

func (m *modelled) each(addr, n uint64, f func(b *byte)) {
	for a := addr; a < addr+n; a++ {
		f(&m.mem[a&^(page-1)][a%page])
	}
}

func (m *modelled) write(t *rapid.T) {
	addr, n, ok := m.span(t)
	if !ok {
		return
	}
	src := make([]byte, n)
	i, salt := 0, rapid.Byte().Draw(t, "salt")
	m.each(addr, n, func(b *byte) {
		src[i] = byte(i) + salt
		*b = src[i]
		i++
	})
	if done, f := m.s.CopyOut(addr, src); uint64(done) != n || f != vm.OK {
		t.Fatalf("wrote %d of %d bytes at %#x: %d", done, n, addr, f)
	}
}

func (m *modelled) zero(t *rapid.T) {
	addr, n, ok := m.span(t)
	if !ok {
		return
	}
	m.each(addr, n, func(b *byte) { *b = 0 })
	if f := m.s.Zero(addr, n); f != vm.OK {
		t.Fatalf("cleared %d bytes at %#x: %d", n, addr, f)
	}
}

func (m *modelled) read(t *rapid.T) {
	if addr, n, ok := m.span(t); ok {
		m.compare(addr&^(page-1), addr%page, n)
	}
}

// compare reads n bytes as the kernel does: page by page, as they come.
func (m *modelled) compare(at, off, n uint64) {
	b := make([]byte, n)
	for {
		m.s.WantNone()
		done, f := m.s.CopyIn(b, at+off)
		if f == vm.OK {
			break
		}
		wanted, ok := m.s.Wanted()
		if f != vm.Away || !ok || wanted != (at+off+uint64(done))&^(page-1) {
			m.Fatalf("read %d of %d bytes at %#x: %d, wanted %#x", done, n, at+off, f, wanted)
		}
		m.arrive(wanted)
	}
	i := 0
	m.each(at+off, n, func(want *byte) {
		if b[i] != *want {
			m.Fatalf("byte %#x is %d, want %d", at+off+uint64(i), b[i], *want)
		}
		i++
	})
}

func (m *modelled) unmap(t *rapid.T) {
	addr, n := m.any(t), rapid.Uint64Range(1, 4).Draw(t, "pages")
	m.s.Unmap(addr, n*page)
	for i := range n {
		delete(m.mem, addr+i*page)
	}
}

func (m *modelled) remake(t *rapid.T) {
	m.place(m.any(t), rapid.Uint64Range(1, 4).Draw(t, "pages"))
}

// move is mremap of one page to a place of its own.
func (m *modelled) move(t *rapid.T) {
	from, to := m.any(t), m.any(t)
	if m.mem[from] == nil || from == to {
		return
	}
	if at, errno := m.s.Remap(from, page, page, to, true, true); errno != 0 || at != to {
		t.Fatalf("moved %#x to %#x: %#x, %d", from, to, at, errno)
	}
	m.mem[to] = m.mem[from]
	delete(m.mem, from)
}

// count compares what the Space says of itself.
func (m *modelled) count() {
	n := 0
	for at, origin, ok := m.s.AwayFrom(0); ok; at, origin, ok = m.s.AwayFrom(at + page) {
		if is, _ := m.s.IsAway(at); is != origin || m.away[origin] == nil || m.mem[at] == nil {
			m.Fatalf("page %#x from %#x cannot be away", at, origin)
		}
		n++
	}
	var refs [2 * modelPages]vm.PageRef
	pages, _ := m.s.PagesFrom(0, refs[:])
	if resident, _ := m.s.Resident(); m.s.Away() != n || resident != pages {
		m.Fatalf("%d pages are said to be away and %d here, it is %d and %d", m.s.Away(), resident, n, pages)
	}
}
