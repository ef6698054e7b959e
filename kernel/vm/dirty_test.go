package vm_test

import (
	"testing"

	"pgregory.net/rapid"

	"motile/kernel/hw"
	"motile/kernel/vm"
)

// sends is a Space while its pages are sent in rounds, and what is known of each page.
type sends struct {
	*rapid.T
	s     *vm.Space
	pages [tablePages]struct {
		here, file bool
		sent       bool // the target has it, or something that was there before
		changed    bool // but not as it is
	}
}

// TestChanged_Model compares what a round sends with what is known of each page, when pages
// are written, unmapped and mapped anew meanwhile.
func TestChanged_Model(t *testing.T) {
	initMemory()
	rapid.Check(t, func(t *rapid.T) {
		free := hw.Stats().Free
		m := &sends{T: t, s: vm.New()}
		defer func() {
			releaseAll(m.s)
			if lost := int64(free - hw.Stats().Free); lost != 0 {
				t.Errorf("%d frames are lost", lost)
			}
		}()
		st := vm.NewStore()
		st.SetSize(tablePages * page)
		m.s.Place(at(0), at(tablePages), vm.Region{Prot: vm.ProtRead | vm.ProtWrite, Store: st})
		m.s.Track()
		first := true
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				m.some(t, func(i int) {
					m.s.CopyOut(at(i), []byte{byte(i)})
					p := &m.pages[i]
					p.here, p.file, p.changed = true, false, true
				})
			},
			"read": func(t *rapid.T) { // maps pages of the file, and some around them
				m.some(t, func(i int) { m.s.Touch(at(i), vm.ProtRead) })
				for i := range m.pages {
					if p := &m.pages[i]; !p.here && m.s.Frame(at(i)) != 0 {
						p.here, p.file = true, true
					}
				}
			},
			"unmap": func(t *rapid.T) {
				m.some(t, func(i int) {
					m.s.Discard(at(i), page)
					m.pages[i].here, m.pages[i].file = false, false
				})
			},
			"round": func(t *rapid.T) {
				m.round(t, first)
				first = false
			},
		})
		m.round(t, first)
		m.gone()
	})
}

// some calls f for some pages: a few here and there, or many in a row.
func (m *sends) some(t *rapid.T, f func(i int)) {
	for range rapid.IntRange(1, 4).Draw(t, "places") {
		i := rapid.IntRange(0, tablePages-1).Draw(t, "page")
		n := rapid.OneOf(rapid.Just(1), rapid.IntRange(1, tablePages)).Draw(t, "pages")
		for k := i; k < min(i+n, tablePages); k++ {
			f(k)
		}
	}
}

// round sends what is to be sent: everything the first time, pages of files too.
func (m *sends) round(t *rapid.T, all bool) {
	want := 0
	for _, p := range m.pages {
		if p.here && !p.file && (p.changed || !p.sent) {
			want++
		}
	}
	counted := 0
	for from, more := uint64(0), true; more; {
		n, next := m.s.Changed(from, rapid.IntRange(1, 700).Draw(t, "limit"))
		counted += n
		from, more = next, next != 0
	}
	if counted != want {
		t.Fatalf("%d pages have changed, want %d", counted, want)
	}
	refs := make([]vm.PageRef, rapid.IntRange(1, 64).Draw(t, "at once"))
	last := -1
	for from, more := uint64(0), true; more; {
		n, next := m.s.ChangedFrom(from, refs, all)
		for _, r := range refs[:n] {
			i := int(r.Addr-tableBase) / page
			p := &m.pages[i]
			if i <= last || !p.here || r.Frame != m.s.Frame(r.Addr) || r.Store != p.file || !all && (p.file || !p.changed && p.sent) {
				t.Fatalf("page %d after %d: %+v is %+v", i, last, r, *p)
			}
			if last = i; p.file {
				continue
			}
			p.sent, p.changed = true, false
		}
		from, more = next, next != 0
	}
	for i, p := range m.pages {
		if p.here && !p.file && (p.changed || !p.sent) {
			t.Fatalf("page %d was forgotten", i)
		}
		if p.here && !p.file && m.s.Sent(at(i)) != m.s.Frame(at(i)) {
			t.Fatalf("page %d was not sent as it is", i)
		}
	}
}

// gone: what was sent and is not there any more, or a file's again, is said to be; nothing that is.
func (m *sends) gone() {
	var said [tablePages]bool
	m.s.Gone(func(r vm.Run) {
		for a := r.Addr; a < r.End(); a += page {
			said[(a-tableBase)/page] = true
		}
	})
	for i, p := range m.pages {
		if is := p.sent && (!p.here || p.file); said[i] != is {
			m.Fatalf("page %d, %+v, is said to be gone: %v", i, p, said[i])
		}
	}
}
