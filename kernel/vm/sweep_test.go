package vm_test

import (
	"testing"

	"motile/kernel/abi"
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

// A page that arrives for a Space that has gone comes to nothing: while a frame is looked for, the
// table of its entry may be freed.
func TestSweep_Arrive(t *testing.T) {
	initMemory()
	s, _ := big(t, 1200)
	const at, origin = base + 1199*page, 0x7fff12345000
	s.Discard(at, page)
	setAway(t, s, at, origin)
	s.Release()
	if ok, mem := s.Arrive(at, origin, content(origin)); ok || !mem {
		t.Errorf("arrived: %v, %v", ok, mem)
	}
	for vm.Sweep() {
	}
}

// What mremap has begun to move when memory runs out goes back.
func TestRemap_NoMemory(t *testing.T) {
	initMemory()
	const n, to = 8, 1<<40 - 4*page // half of it in one lowest table, half in another
	s, _ := big(t, n)
	defer releaseAll(s)
	for i := range uint64(n) {
		s.CopyOut(base+i*page, []byte{byte(i) + 1})
	}
	s.Map(to, page, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	s.Touch(to, vm.ProtWrite) // so that the first half's tables are there
	var taken []hw.PFN
	for hw.UserFree() > 0 {
		taken = append(taken, hw.AllocUser(false))
	}
	_, errno := s.Remap(base, n*page, n*page, to, true, true)
	for _, p := range taken {
		hw.FreeFrame(p)
	}
	if errno != abi.ENOMEM {
		t.Errorf("error %d", errno)
	}
	for i := range uint64(n) {
		var b [1]byte
		if _, f := s.CopyIn(b[:], base+i*page); f != vm.OK || b[0] != byte(i)+1 {
			t.Errorf("page %d has %d, %v", i, b[0], f)
		}
	}
}
