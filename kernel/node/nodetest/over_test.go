package nodetest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/vm"
)

const overPages = 8

// overwriter has a file mapped for itself, and has written a word in each page of it.
var overwriter = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(bufAt, []byte("/data\x00")), 0, 0)
	case 1:
		u.Call(2, abi.SysMmap, 0, overPages*vm.PageBytes, 3, 2, uint64(u.Ret), vm.PageBytes) // private, from page 1
	case 2:
		u.SetB(uint64(u.Ret))
		for i := range uint64(overPages) {
			u.Store(u.B()+i*vm.PageBytes+i*512, i+1)
		}
		u.Goto(3)
	case 3:
		u.Call(3, abi.SysNanosleep, u.Put(sleepAt, timespec(1e6)), 0)
	}
})

// Of a page of a file that a process has written to, what it has written is sent: the target
// has the rest.
func TestMove_PagesOverFile(t *testing.T) {
	w := New(t, 3, 1)
	text := make([]byte, (1+overPages)*vm.PageBytes-1000) // the last page has an end
	rand.NewChaCha8([32]byte{1}).Read(text)
	w.Nodes[1].install("/data", text)
	p := w.Nodes[1].Start(overwriter)
	w.Run(50e6)
	pid, base := p.PID, p.Leader().Frame.R12
	memory := func() []byte {
		b := make([]byte, overPages*vm.PageBytes)
		w.RunUntil(5e9, "memory has come", func() bool { return w.Nodes[w.On(pid)].Tab.Process(pid).Space.Peek(b, base) })
		return b
	}
	before := memory()
	for i, node := range []int{2, 3, 1, 2} {
		r := w.Move(pid, node).Report
		if sent := r.Bytes; i >= 2 && !leaves() && (r.Pages < overPages || sent > 4096) { // the file is there already
			t.Errorf("%d bytes for %d pages", sent, r.Pages)
		}
		w.Run(50e6)
		if after := memory(); !bytes.Equal(before, after) {
			t.Fatalf("after move %d they are others", i)
		}
	}
}
