package vm_test

import (
	"sync"
	"testing"

	"motile/kernel/vm"
)

var initMemory = sync.OnceFunc(vm.Init)

// A page far behind a hole costs what a page costs, and is found.
func TestStore_Sparse(t *testing.T) {
	initMemory()
	s := vm.NewStore()
	defer s.Release()
	pages := []int64{0, 5, 1000, 16, 1 << 27, 999, 30, 1<<28 - 1, 17}
	for _, p := range pages {
		if n := s.WriteAt([]byte{byte(p%251) + 1}, p*vm.PageBytes); n != 1 {
			t.Fatalf("page %d: wrote %d bytes", p, n)
		}
	}
	var b [1]byte
	for _, p := range pages {
		if s.ReadAt(b[:], p*vm.PageBytes); b[0] != byte(p%251)+1 {
			t.Errorf("page %d has %d", p, b[0])
		}
	}
	if s.ReadAt(b[:], 500*vm.PageBytes); b[0] != 0 {
		t.Error("a hole is not empty")
	}
	if s.Resident() != len(pages) {
		t.Errorf("%d pages are in memory, %d were written", s.Resident(), len(pages))
	}
	var got []int
	for i := 0; ; {
		page, frame := s.NextPage(i)
		if frame == 0 {
			break
		}
		got = append(got, page)
		i = page + 1
	}
	if want := []int{0, 5, 16, 17, 30, 999, 1000, 1 << 27, 1<<28 - 1}; len(got) != len(want) {
		t.Errorf("pages %v", got)
	} else {
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("pages %v, want %v", got, want)
				break
			}
		}
	}
	for _, size := range []int64{1000*vm.PageBytes + 1, 17 * vm.PageBytes, 0} {
		s.Truncate(size)
		s.Truncate(vm.MaxStore)
		for _, p := range pages {
			want := byte(0)
			if p*vm.PageBytes < size {
				want = byte(p%251) + 1
			}
			if s.ReadAt(b[:], p*vm.PageBytes); b[0] != want {
				t.Errorf("truncated to %d: page %d has %d", size, p, b[0])
			}
		}
	}
}
