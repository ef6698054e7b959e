package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/vm"
)

// What a child gets of memory is for madvise to say: nothing, zeros, or a copy.
func TestMadvise_Fork(t *testing.T) {
	const private, rw = 2, vm.ProtRead | vm.ProtWrite
	const dontFork, wipe, keep = 10, 18, 19
	b := New(t)
	p := b.Process()
	at := p.Mmap(4*pageSize, rw, private)
	for i := range uint64(4) {
		p.Put(at+i*pageSize, []byte{byte('a' + i)})
	}
	p.Want(0, abi.SysMadvise, at+pageSize, pageSize, wipe)
	p.Want(0, abi.SysMadvise, at+2*pageSize, 2*pageSize, dontFork)
	p.Want(-abi.ENOMEM, abi.SysMadvise, at+3*pageSize, 9*pageSize, keep)
	p.Create("/tmp/f", "file")
	fd := p.Open("/tmp/f", 0)
	mapped := p.Must(abi.SysMmap, 0, pageSize, vm.ProtRead, private, fd, 0)
	p.Want(-abi.EINVAL, abi.SysMadvise, mapped, pageSize, wipe)
	q := p.Fork()
	if q.Get(at, 1)[0] != 'a' || q.Get(at+pageSize, 1)[0] != 0 || q.Get(at+3*pageSize, 1)[0] != 'd' {
		t.Error("the child has not what was asked for")
	}
	if r := q.Fault(at+2*pageSize, ReadFault); r != Dead {
		t.Errorf("the child's access to what was not for it: %v", r)
	}
	if p.Get(at+pageSize, 1)[0] != 'b' || p.Get(at+2*pageSize, 1)[0] != 'c' {
		t.Error("the parent has lost something")
	}
	p.Want(0, abi.SysMadvise, at, 4*pageSize, keep)
	if n := len(p.Process().Space.Regions()); n != 3 { // the arena, the four pages, the file
		t.Errorf("%d regions", n)
	}
}
