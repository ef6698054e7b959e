package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
)

// What /proc/self/fd and /dev/fd lead to is what is open there, not its name.
func TestAgain_File(t *testing.T) {
	p := New(t).Process()
	p.Create("/tmp/f", "content")
	fd := p.Open("/tmp/f", object.ORdonly)
	p.Must(abi.SysUnlink, p.Text("/tmp/f"))
	p.Create("/tmp/f", "another")
	again := p.Open("/proc/self/fd/"+string('0'+byte(fd)), object.ORdonly)
	if got := p.Read(again, 20); got != "content" {
		t.Errorf("read %q", got)
	}
	if got := p.Read(fd, 3); got != "con" { // an offset of its own
		t.Errorf("read %q", got)
	}
	p.Want(-abi.ENOENT, abi.SysOpen, p.Text("/dev/fd/99"), object.ORdonly)
}

func TestAgain_Pipe(t *testing.T) {
	p := New(t).Process()
	r, w := p.Pipe()
	p.Must(abi.SysDup2, w, 2)
	p.Close(w)
	w = p.Open("/dev/stderr", object.OWronly|object.OTrunc)
	p.Close(2)
	p.Write(w, "through it")
	if got := p.Read(r, 20); got != "through it" {
		t.Errorf("read %q", got)
	}
	p.Close(w)
	p.Want(0, abi.SysRead, r, p.Alloc(1), 1) // nobody has the other end any more
}

func TestAgain_Terminal(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	sh.Write(sh.Open("/dev/stdout", object.OWronly), "there\n")
	if string(b.Output) != "there\r\n" {
		t.Errorf("shown: %q", b.Output)
	}
	// An object that is only what its descriptor is has no second one.
	efd := sh.Must(abi.SysEventfd2, 0, 0)
	sh.Want(-abi.ENXIO, abi.SysOpen, sh.Text("/proc/self/fd/"+string('0'+byte(efd))), object.ORdwr)
}

func TestExec_CommIsTheNameItWasCalledBy(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	b.File("/bin/script", 0o755, []byte("#!/bin/prog\n"))
	for _, test := range []struct{ path, comm string }{
		{"/bin/prog", "prog"}, {"/tmp/other", "other"}, {"/proc/self/exe", "exe"}, {"./script", "script"},
	} {
		p := b.Process()
		p.Call(abi.SysSymlink, p.Text("/bin/prog"), p.Text("/tmp/other"))
		p.Must(abi.SysChdir, p.Text("/bin"))
		p.Process().Exe = "/bin/prog"
		p.Must(abi.SysExecve, p.Text(test.path), p.Words(p.Text("zero"), p.Text("one"), 0), 0)
		if got := p.Process(); got.Comm != test.comm {
			t.Errorf("%s: comm %q", test.path, got.Comm)
		} else if test.comm == "script" && (len(got.Args) != 3 || got.Args[1] != "./script" || got.Args[2] != "one") {
			t.Errorf("arguments %q", got.Args)
		}
	}
}

func TestPriority_OfNobody(t *testing.T) {
	p := New(t).Process()
	const process, group, user = 0, 1, 2
	p.Want(20, abi.SysGetpriority, process, 0)
	p.Want(20, abi.SysGetpriority, group, p.Process().PGID)
	p.Want(-abi.ESRCH, abi.SysGetpriority, process, 99999)
	p.Want(-abi.ESRCH, abi.SysSetpriority, group, 99999, 1)
	p.Want(0, abi.SysSetpriority, user, 0, 1)
	p.Want(-abi.EINVAL, abi.SysSetpriority, 3, 0, 1)
}

func TestProcSys(t *testing.T) {
	p := New(t).Process()
	if got := p.Read(p.Open("/proc/sys/kernel/ostype", object.ORdonly), 100); got != "Linux\n" {
		t.Errorf("%q", got)
	}
	p.Want(-abi.ENOENT, abi.SysOpen, p.Text("/proc/sys/kernel/none"), object.ORdonly)
}
