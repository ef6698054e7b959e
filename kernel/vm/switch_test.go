package vm_test

import (
	"testing"

	"pgregory.net/rapid"

	"motile/kernel/vm"
)

// TestLeave_NothingVisitedStays: whatever has become of the pages, a Space that says
// that it was left has no page that the CPU might still know.
func TestLeave_NothingVisitedStays(t *testing.T) {
	const pages = 1200 // on three lowest tables, more than are ever listed
	const far = 1 << 39
	initMemory()
	left := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := vm.New()
		defer s.Release()
		region := vm.Region{Prot: vm.ProtRead | vm.ProtWrite}
		s.Map(base, pages*page, region, true)
		at := func() uint64 { return base + uint64(rapid.IntRange(0, pages-1).Draw(rt, "page"))*page }
		few := func() uint64 { return uint64(rapid.IntRange(1, 40).Draw(rt, "n")) }
		rt.Repeat(map[string]func(*rapid.T){
			"touch": func(*rapid.T) {
				for a, n := at(), few(); n > 0; n-- {
					s.Touch(a, vm.ProtWrite)
					a += page
				}
			},
			"discard":     func(*rapid.T) { s.Discard(at(), few()*page) },
			"discard all": func(*rapid.T) { s.Discard(0, 4*far) }, // and free the tables
			"protect":     func(*rapid.T) { s.Protect(at(), page, vm.ProtRead) },
			"far": func(*rapid.T) {
				s.Map(at()+far, few()*page, region, true)
				s.Touch(at()+far, vm.ProtRead)
			},
			"remap": func(*rapid.T) { s.Remap(at(), page, 2*page, 2*far, true, false) },
			"fork": func(*rapid.T) {
				if c := s.Fork(); c != nil {
					c.Release()
				}
			},
			"visit": func(*rapid.T) {
				for n := few(); n > 0; n-- {
					s.Visit(at())
				}
				s.Visit(at() + far)
			},
			"leave": func(*rapid.T) {
				if s.Leave() {
					left++
					if n := s.Visited(); n > 0 {
						rt.Fatalf("left, and %d pages may still be known", n)
					}
					if s.Stale() {
						rt.Fatal("left, by entries of tables that are not its own")
					}
				}
			},
		})
	})
	if left == 0 {
		t.Error("no Space was ever left page by page")
	}
}

func TestLeave_PagesThatComeAndGo(t *testing.T) {
	s := space(t, 8)
	s.Touch(base, vm.ProtWrite)
	for i, want := range []bool{false, true, true} {
		s.Visit(base)
		if got := s.Leave(); got != want {
			t.Errorf("left for the %d. time: %v", i+1, got)
		}
	}
	s.Touch(base+page, vm.ProtWrite)
	s.Visit(base + page)
	if s.Leave() {
		t.Error("a page has come, and is not listed")
	}
	if !s.Leave() || s.Visited() != 0 {
		t.Error("a page that has come is not listed by and by")
	}
}
