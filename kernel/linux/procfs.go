package linux

import (
	"fmt"
	"strconv"
	"strings"

	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// /proc, as far as programs need it: who they are, what they run, their memory
// and descriptors, and what top and ps of busybox read.

// MountProc puts /proc and /dev/pts into the file tree, and into /dev what leads there.
func (k *Kernel) MountProc() {
	for _, l := range []struct{ name, target string }{{"fd", ""}, {"stdin", "/0"}, {"stdout", "/1"}, {"stderr", "/2"}} {
		if pl, errno := k.FS.Lookup(k.FS.Root, "/dev/"+l.name, false); errno == 0 && pl.Node == nil {
			k.FS.Symlink(pl, "/proc/self/fd"+l.target)
		}
	}
	k.mountPTS()
	if pl, errno := k.FS.Lookup(k.FS.Root, "/proc", true); errno == 0 {
		k.FS.Mount(pl, procRoot{k})
	}
}

// ProcDir is the path of a process's own directory.
func ProcDir(pid int32) string { return "/proc/" + strconv.Itoa(int(pid)) }

type procRoot struct{ k *Kernel }

func (r procRoot) Names() []string {
	names := []string{"self", "meminfo", "uptime", "mounts", "cpuinfo", "stat", "loadavg", "version", "filesystems", "sys"}
	for _, p := range r.k.Tab.Processes() {
		names = append(names, strconv.Itoa(int(p.PID)))
	}
	return names
}

func (r procRoot) Child(name string) *fs.Node {
	k := r.k
	const kb = vm.PageBytes / 1024
	switch name {
	case "self":
		if k.current == nil {
			return nil
		}
		return k.FS.LinkTo(strconv.Itoa(int(k.current.Process().PID)))
	case "meminfo":
		return k.FS.Text(fmt.Sprintf("MemTotal: %10d kB\nMemFree:  %10d kB\nMemAvailable: %6d kB\nBuffers: 0 kB\nCached: 0 kB\nShmem: 0 kB\nSReclaimable: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
			k.TotalPages()*kb, k.FreePages()*kb, k.FreePages()*kb))
	case "uptime":
		now := k.Tab.Now
		return k.FS.Text(fmt.Sprintf("%d.%02d 0.00\n", now/1e9, now%1e9/1e7))
	case "mounts":
		return k.FS.Text(k.mounts())
	case "filesystems":
		return k.FS.Text("nodev\tproc\nnodev\tramfs\n")
	case "cpuinfo":
		return k.FS.Text("processor\t: 0\nmodel name\t: Motile virtual CPU\n\n")
	case "loadavg":
		n := k.Tab.Runnable()
		return k.FS.Text(fmt.Sprintf("%d.00 %d.00 %d.00 %d/%d 0\n", n, n, n, n, len(k.Tab.Processes())))
	case "sys":
		return k.FS.Virtual(procSys{k}, "/proc/sys")
	case "version":
		return k.FS.Text("Linux version " + Release + "\n")
	case "stat":
		return k.FS.Text(fmt.Sprintf("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nbtime %d\nprocesses %d\n",
			k.Tab.WallBase/1e9, len(k.Tab.Processes())))
	}
	pid, err := strconv.Atoi(name)
	if err != nil {
		return nil
	}
	if p := k.Tab.Process(int32(pid)); p != nil {
		return k.FS.Virtual(procDir{k, p}, ProcDir(p.PID))
	}
	return nil
}

type procDir struct {
	k *Kernel
	p *proc.Process
}

func (d procDir) Names() []string {
	return []string{"cmdline", "comm", "cwd", "exe", "fd", "maps", "root", "stat", "statm", "status"}
}

func (d procDir) Child(name string) *fs.Node {
	k, p := d.k, d.p
	if p.Space == nil {
		return nil
	}
	switch name {
	case "cmdline":
		return k.FS.Text(strings.Join(p.Args, "\x00") + "\x00")
	case "comm":
		return k.FS.Text(p.Comm + "\n")
	case "cwd":
		return k.FS.LinkTo(p.Cwd)
	case "exe":
		return k.FS.LinkTo(p.Exe)
	case "root":
		return k.FS.LinkTo("/")
	case "fd":
		return k.FS.Virtual(procFDs(d), ProcDir(p.PID)+"/fd")
	case "maps":
		return k.FS.Text(maps(p))
	case "stat":
		return k.FS.Text(procStat(p))
	case "statm":
		resident, _ := p.Space.Resident()
		return k.FS.Text(fmt.Sprintf("%d %d 0 0 0 0 0\n", p.Space.Virtual(), resident))
	case "status":
		return k.FS.Text(procStatus(p))
	}
	return nil
}

type procFDs procDir

func (d procFDs) Names() (names []string) {
	for fd := range d.p.FDs.Len() {
		if d.p.FDs.Get(int32(fd)) != nil {
			names = append(names, strconv.Itoa(fd))
		}
	}
	return names
}

func (d procFDs) Child(name string) *fs.Node {
	fd, err := strconv.Atoi(name)
	if err != nil {
		return nil
	}
	f := d.p.FDs.Get(int32(fd))
	if f == nil {
		return nil
	}
	return d.k.FS.Through(f.Path, f.Impl, func(flags int) (object.Impl, int) { return object.Again(f, flags) })
}

// StateLetter is the state of a process as ps shows it.
func StateLetter(p *proc.Process) string {
	switch {
	case p.Frozen():
		return "M"
	case p.Stopped():
		return "T"
	}
	letter := "S"
	for _, t := range p.Threads {
		switch {
		case t.State() == proc.Ready || t.State() == proc.Running:
			return "R"
		case t.AwaitsPage():
			letter = "D"
		}
	}
	return letter
}

func procStat(p *proc.Process) string {
	u, s := p.CPU()
	resident, _ := p.Space.Resident()
	const tick = 1e7
	return fmt.Sprintf("%d (%s) %s %d %d %d 0 0 0 0 0 0 0 %d %d %d %d 20 0 %d 0 %d %d %d 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.PID, p.Comm, StateLetter(p), p.Parent, p.PGID, p.SID, u/tick, s/tick, p.ChildUser/tick, p.ChildSys/tick,
		len(p.Threads), p.Started/tick, p.Space.Virtual()*vm.PageBytes, resident)
}

func procStatus(p *proc.Process) string {
	resident, _ := p.Space.Resident()
	const kb = vm.PageBytes / 1024
	return fmt.Sprintf("Name:\t%s\nState:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmSize:\t%d kB\nVmRSS:\t%d kB\nThreads:\t%d\n",
		p.Comm, StateLetter(p), p.PID, p.PID, p.Parent, p.Space.Virtual()*kb, resident*kb, len(p.Threads))
}

func maps(p *proc.Process) string {
	var b strings.Builder
	for _, r := range p.Space.Regions() {
		prot := []byte("---p")
		for i, bit := range []uint8{vm.ProtRead, vm.ProtWrite, vm.ProtExec} {
			if r.Prot&bit != 0 {
				prot[i] = "rwx"[i]
			}
		}
		if r.Shared {
			prot[3] = 's'
		}
		name := ""
		switch {
		case r.Stack:
			name = "[stack]"
		case r.Store != nil && r.Store.Immutable():
			name = p.Exe
		}
		fmt.Fprintf(&b, "%012x-%012x %s %08x 00:00 0 %s\n", r.Start, r.End, prot, r.Off, name)
	}
	return b.String()
}
