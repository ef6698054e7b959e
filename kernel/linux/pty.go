package linux

import (
	"slices"
	"strconv"

	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/proc"
)

// Pseudo-terminals by name: /dev/ptmx makes one, /dev/pts has the slaves. Their
// numbers are drawn as those of processes are, so that no two of a cluster have one.
// Those below firstPTY are terminals of the host.

// mountPTS puts both into the file tree.
func (k *Kernel) mountPTS() {
	k.PTYs = &object.PTYs{
		Signal: func(pgrp int32, sig int) {
			k.signalGroup(pgrp, proc.Info{Signo: int32(sig), Code: proc.SiKernel})
		},
		Hangup: func(leader int32) {
			for _, sig := range []int32{abi.SIGHUP, abi.SIGCONT} {
				k.signalAnywhere(leader, proc.Info{Signo: sig, Code: proc.SiKernel})
			}
		},
	}
	if pl, errno := k.FS.Lookup(k.FS.Root, "/dev/ptmx", true); errno == 0 {
		k.FS.Device(pl, 0o666, object.Device(5, 2), k.newPTY)
	}
	if pl, errno := k.FS.Lookup(k.FS.Root, "/dev/pts", true); errno == 0 {
		k.FS.Mount(pl, pts{k})
	}
}

func (k *Kernel) newPTY() (object.Impl, int) {
	number := k.Tab.Draw()
	if number == 0 {
		return nil, abi.ENOSPC
	}
	return k.PTYs.New(number)
}

// signalAnywhere signals a process of this node or another.
func (k *Kernel) signalAnywhere(pid int32, in proc.Info) {
	if p := k.Tab.Process(pid); p != nil {
		k.Tab.Signal(p, in)
	} else if k.Tab.Remote != nil {
		k.Tab.Remote.Signal(pid, 0, in)
	}
}

// pts is /dev/pts: the slaves of this node, and those elsewhere that who looks has open.
type pts struct{ k *Kernel }

// Names implements fs.Dynamic.
func (d pts) Names() []string {
	all := d.k.PTYs.Numbers()
	for f := range d.far() {
		if n, ok := object.PTSNumber(f.Impl.Stat().Rdev); ok && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	names := make([]string, 0, len(all)+1)
	for _, n := range all {
		names = append(names, strconv.Itoa(int(n)))
	}
	return append(names, "ptmx")
}

// Child implements fs.Dynamic.
func (d pts) Child(name string) *fs.Node {
	if name == "ptmx" {
		return d.k.FS.Character(object.Stat{Mode: 0o666, Rdev: object.Device(5, 2)}, d.k.newPTY)
	}
	n, err := strconv.Atoi(name)
	if err != nil || n != int(int32(n)) || strconv.Itoa(n) != name {
		return nil
	}
	if p := d.k.PTYs.Get(int32(n)); p != nil {
		return d.k.FS.Character(p.End(false).Stat(), p.OpenSlave)
	}
	for f := range d.far() {
		if f.Impl.Stat().Rdev == object.PTSDevice(int32(n)) {
			return d.k.FS.Character(f.Impl.Stat(), func() (object.Impl, int) { return object.Again(f, object.ORdwr) })
		}
	}
	return nil
}

// far are the descriptions of terminals elsewhere that the looking process has.
func (d pts) far() func(func(*object.File) bool) {
	return func(yield func(*object.File) bool) {
		if d.k.current == nil {
			return
		}
		p := d.k.current.Process()
		is := func(f *object.File) bool {
			if f == nil {
				return false
			}
			r, ok := f.Impl.(*object.Remote)
			return ok && r.Terminal
		}
		if is(p.TTY) && !yield(p.TTY) {
			return
		}
		for fd := range p.FDs.Len() {
			if f := p.FDs.Get(int32(fd)); is(f) && !yield(f) {
				return
			}
		}
	}
}

// openPeer makes a descriptor for the slave of a master (TIOCGPTPEER).
func (k *Kernel) openPeer(t *proc.Thread, f *object.File, flags int) int64 {
	if _, master := f.Impl.(*object.Master); !master {
		return -abi.ENOTTY
	}
	pty := object.PTYOf(f)
	impl, errno := pty.OpenSlave()
	if errno != 0 {
		return -int64(errno)
	}
	p := t.Process()
	slave := object.NewFile(impl, flags&(object.OAccMode|object.OSettable), "/dev/pts/"+strconv.Itoa(int(pty.Number)))
	if flags&object.ONoCTTY == 0 {
		k.adoptTerminal(p, slave)
	}
	fd := p.FDs.Add(slave, 0, flags&object.OCloexec != 0, p.Limits[proc.LimitNofile].Cur)
	if fd < 0 {
		slave.Release()
		return -abi.EMFILE
	}
	return int64(fd)
}
