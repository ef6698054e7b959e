package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	"motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

// What a program can make the kernel hold, or do at one go, has an end.

// Sets that watch sets that watch sets are looked through in no time, and are not
// nested without end.
func TestEpoll_NestedInEveryWay(t *testing.T) {
	p := linuxtest.New(t).Process()
	ev := p.Must(abi.SysEventfd2, 1, 0)
	const add, in = 1, 1
	event := p.Words(in, 0)
	bottom := p.Must(abi.SysEpollCreate1, 0)
	p.Must(abi.SysEpollCtl, bottom, add, ev, event)
	sets := []uint64{bottom}
	for range 4 {
		e := p.Must(abi.SysEpollCreate1, 0)
		last := sets[len(sets)-1]
		for range 100 { // by many descriptors
			fd := p.Must(abi.SysDup, last)
			p.Must(abi.SysEpollCtl, e, add, fd, event)
		}
		sets = append(sets, e)
	}
	p.Read(ev, 8) // now nothing is ready, though everything is listed
	began := time.Now()
	p.Want(0, abi.SysEpollWait, sets[len(sets)-1], p.Alloc(12*8), 8, 0)
	if d := time.Since(began); d > time.Second {
		t.Errorf("one look took %v", d)
	}
	one := p.Must(abi.SysEpollCreate1, 0)
	p.Want(linuxtest.Result(-abi.ELOOP), abi.SysEpollCtl, one, add, sets[len(sets)-1], event)
	p.Want(linuxtest.Result(-abi.ELOOP), abi.SysEpollCtl, bottom, add, sets[2], event)
}

// Holes in a mapping make regions, of which a process may have only so many.
func TestMunmap_ManyHoles(t *testing.T) {
	b := linuxtest.New(t)
	b.Unchecked = true
	p := b.Process()
	const pages = 40_000
	at := p.Mmap(pages*4096, 0, 2)
	refused := 0
	for i := uint64(1); i < pages; i += 2 {
		if r := p.Call(abi.SysMunmap, at+i*4096, 4096); int64(r) != 0 {
			refused++
		}
	}
	if n := len(p.Process().Space.Regions()); n > 17_000 || refused == 0 {
		t.Errorf("%d regions, %d calls refused", n, refused)
	}
	p.Must(abi.SysMunmap, at, pages*4096)
}

// One read of random bytes does not keep the node busy for long.
func TestRandom_ReadsAreBounded(t *testing.T) {
	p := linuxtest.New(t).Process()
	fd := p.Open("/dev/urandom", object.ORdonly)
	buf := p.Alloc(1 << 20)
	if n := p.Must(abi.SysReadv, fd, p.Words(buf, 1<<20, buf, 1<<20, buf, 1<<20), 3); n != 1<<20 {
		t.Errorf("read %d bytes", n)
	}
}

// A handler that is left by longjmp leaves nothing behind in the kernel, however often.
func TestSignal_HandlersLeftByLongjmp(t *testing.T) {
	b := linuxtest.New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, proc.SaRestart, 0)
	th := p.Process().Leader()
	for depth := range 200 {
		sp, ip, mask := th.Frame.SP, th.Frame.IP, th.Mask
		if depth%2 == 0 {
			th.Frame.SP -= 4096 // called from further down
		}
		th.Call = proc.Call{Active: true, Nr: abi.SysPause}
		th.Pending = proc.Pending{Set: 1 << (abi.SIGUSR1 - 1), Queue: []proc.Info{{Signo: abi.SIGUSR1}}}
		b.Tab.PushSignal(th)
		th.Frame.SP, th.Frame.IP, th.Mask = sp, ip, mask // longjmp
	}
	if n := len(th.Below); n > 2 {
		t.Errorf("%d calls wait below handlers that will never return", n)
	}
	th.Below = nil
	for range 200 { // nested, each for good
		th.Call = proc.Call{Active: true, Nr: abi.SysPause}
		th.Mask = 0
		th.Pending = proc.Pending{Set: 1 << (abi.SIGUSR1 - 1), Queue: []proc.Info{{Signo: abi.SIGUSR1}}}
		b.Tab.PushSignal(th)
	}
	if n := len(th.Below); n > 64 {
		t.Errorf("%d calls wait below nested handlers", n)
	}
	th.Below = nil
}
