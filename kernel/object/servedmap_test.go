package object

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"motile/kernel/vm"
)

// What a mapping sends makes the server's file what its memory is: pages that were
// changed, and changed back, and made zero; whose sending failed; after a move, which
// leaves out pages of zeros; and nothing is sent twice, or for nothing.
func TestMapping_SendsWhatWasChanged(t *testing.T) {
	vm.Init()
	const pages = 23
	const size = pages*vm.PageBytes - 77
	rng := rand.New(rand.NewPCG(1, 2))
	server := make([]byte, size)
	for i := 0; i < pages; i += 2 {
		server[i*vm.PageBytes] = byte(i + 1)
	}
	file := vm.NewStore()
	file.WriteAt(server, 0)
	m := NewMapping(file, size)
	file.Release()
	mine := bytes.Clone(server)
	buf := make([]byte, 5*vm.PageBytes)
	for round := range 300 {
		touched := map[int]bool{}
		for range rng.IntN(5) {
			at := rng.IntN(size)
			mine[at] = byte(rng.IntN(3))
			m.Store.WriteAt(mine[at:at+1], int64(at))
			touched[at/vm.PageBytes] = true
		}
		if rng.IntN(4) == 0 {
			m = moved(m)
		}
		fails := rng.IntN(6) == 0
		for page := 0; ; {
			i, n := m.Changed(page, buf)
			if n == 0 {
				break
			}
			at := i * vm.PageBytes
			if fails {
				m.Unsent(i, n)
				for k := i; k*vm.PageBytes < at+n; k++ {
					touched[k] = true
				}
				page = i + (n+vm.PageBytes-1)/vm.PageBytes
				continue
			}
			if bytes.Equal(server[at:at+n], buf[:n]) && len(touched) == 0 {
				t.Fatalf("round %d: page %d is sent for nothing", round, i)
			}
			copy(server[at:], buf[:n])
			page = i + (n+vm.PageBytes-1)/vm.PageBytes
		}
		if fails { // again
			for page := 0; ; {
				i, n := m.Changed(page, buf)
				if n == 0 {
					break
				}
				copy(server[i*vm.PageBytes:], buf[:n])
				page = i + (n+vm.PageBytes-1)/vm.PageBytes
			}
		}
		if !bytes.Equal(server, mine) {
			t.Fatalf("round %d: the server has another file", round)
		}
		if i, n := m.Changed(0, buf); n != 0 {
			t.Fatalf("round %d: page %d is sent again", round, i)
		}
	}
	m.Store.Release()
}

// moved is a mapping on another node: pages of zeros do not travel.
func moved(m *Mapping) *Mapping {
	st := vm.NewStore()
	st.SetSize(m.Store.Size())
	var page [vm.PageBytes]byte
	for i, frame := m.Store.NextPage(0); frame != 0; i, frame = m.Store.NextPage(i + 1) {
		n := m.Store.ReadAt(page[:], int64(i)*vm.PageBytes)
		if !bytes.Equal(page[:n], make([]byte, n)) {
			st.WriteAt(page[:n], int64(i)*vm.PageBytes)
		}
	}
	c := RestoreMapping(st, m.Sums())
	m.Store.Release()
	return c
}
