package vm_test

import (
	"testing"

	"motile/kernel/hw"
	"motile/kernel/vm"
)

// releaseAll gives back all memory of a Space.
func releaseAll(s *vm.Space) {
	s.Release()
	for vm.Sweep() {
	}
}

// big returns a Space with n pages of its own, and what was free before.
func big(t *testing.T, n int) (s *vm.Space, free uint64) {
	t.Helper()
	for vm.Sweep() { // what other tests have left
	}
	free = hw.UserFree()
	s = vm.New()
	s.Map(base, uint64(n)*page, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	for i := range uint64(n) {
		if f := s.Touch(base+i*page, vm.ProtWrite); f != vm.OK {
			t.Fatalf("page %d: %v", i, f)
		}
	}
	return s, free
}

// TestSweep_InPortions: a large Space's memory is given back a little at a time, a small
// one's at once.
func TestSweep_InPortions(t *testing.T) {
	initMemory()
	const pages = 1200
	s, free := big(t, pages)
	before := hw.UserFree()
	s.Release()
	if at := hw.UserFree() - before; at == 0 || at > 200 || vm.Dying() != pages-at {
		t.Errorf("%d pages were given back at once, %d of %d are to follow", at, vm.Dying(), pages)
	}
	for last := hw.UserFree(); vm.Sweep(); last = hw.UserFree() {
		if n := hw.UserFree() - last; n > 200 {
			t.Errorf("%d pages were given back in one go", n)
		}
	}
	if now := hw.UserFree(); now != free || vm.Dying() != 0 {
		t.Errorf("%d pages are free, there were %d; %d are to follow", now, free, vm.Dying())
	}
	s, free = big(t, 10)
	s.Release()
	if now := hw.UserFree(); now != free || vm.Sweep() {
		t.Errorf("%d pages are free, there were %d", now, free)
	}
}

// TestSweep_ForWhoNeedsIt: who finds no memory gets that of Spaces that have gone.
func TestSweep_ForWhoNeedsIt(t *testing.T) {
	initMemory()
	s, free := big(t, 1200)
	s.Release()
	if vm.Dying() == 0 {
		t.Fatal("all is given back at once")
	}
	s = vm.New()
	defer releaseAll(s)
	s.Map(base, free*page, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	for i := range free * 99 / 100 { // without its tables
		if f := s.Touch(base+i*page, vm.ProtWrite); f != vm.OK {
			t.Fatalf("page %d of %d: %v", i, free, f)
		}
	}
}
