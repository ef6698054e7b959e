package linux

import (
	"cmp"
	"path"
	"strings"

	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

const (
	maxArgBytes = 128 << 10 // of arguments and environment together
	maxArgs     = 8192
	maxShebang  = 4 // scripts run by scripts
)

// image is what an execve has gathered before the point of no return.
type image struct {
	path      string
	called    string // as the caller names it
	given     string // as the caller, or the script, names it
	args, env []string
	store     *vm.Store
	prog      *program
}

func sysExecve(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.execve(t, atFDCWD, c.Args[0], c.Args[1], c.Args[2], 0)
}

func sysExecveat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.execve(t, arg32(c.Args[0]), c.Args[1], c.Args[2], c.Args[3], c.Args[4])
}

func (k *Kernel) execve(t *proc.Thread, dirfd int64, addr, argv, envp, flags uint64) int64 {
	name, errno := k.path(t, addr)
	if errno != 0 {
		return errno
	}
	img, errno := k.arguments(t, name, argv, envp)
	if errno != 0 {
		return errno
	}
	if name == "" && flags&atEmptyPath != 0 {
		f := t.Process().FDs.Get(int32(dirfd))
		if f == nil {
			return -abi.EBADF
		}
		if s, ok := servedFile(f); ok {
			return k.execServed(t, f, s, img)
		}
		n := node(f)
		if n == nil {
			return -abi.EACCES
		}
		img.path = f.Path
		errno = k.findProgram(t, n, img, 0)
	} else {
		errno = k.find(t, dirfd, name, img, 0)
	}
	if errno != 0 {
		return errno
	}
	return k.exec(t, img)
}

// arguments reads what a program is to be given. The kernel keeps it as long as the
// process is: /proc/PID/cmdline shows it.
func (k *Kernel) arguments(t *proc.Thread, name string, argv, envp uint64) (img *image, errno int64) {
	if k.Pressure != nil && k.Pressure() {
		return nil, -abi.ENOMEM
	}
	img = &image{path: name, called: name}
	left := maxArgBytes
	if img.args, errno = k.strings(t, argv, &left); errno != 0 {
		return nil, errno
	}
	img.env, errno = k.strings(t, envp, &left)
	return img, errno
}

// strings reads a NULL-terminated array of strings.
func (k *Kernel) strings(t *proc.Thread, addr uint64, left *int) (out []string, errno int64) {
	if addr == 0 {
		return nil, 0
	}
	s := t.Process().Space
	for {
		var b [8]byte
		if !k.copyIn(t, addr, b[:]) {
			return nil, -abi.EFAULT
		}
		at := le.Uint64(b[:])
		if at == 0 {
			return out, 0
		}
		str, ok, f := s.String(at, *left)
		switch {
		case f != vm.OK:
			return nil, k.fault(f)
		case !ok || len(out) == maxArgs:
			return nil, -abi.E2BIG
		}
		*left -= len(str) + 9
		out = append(out, str)
		addr += 8
	}
}

// find resolves the program of an execve.
func (k *Kernel) find(t *proc.Thread, dirfd int64, name string, img *image, depth int) int64 {
	pl, errno := k.resolve(t, dirfd, name, true)
	if errno != 0 {
		return errno
	}
	if pl.Beyond != nil {
		return k.askProgram(t, pl.Beyond, depth)
	}
	if pl.Node == nil {
		return -abi.ENOENT
	}
	img.given = name
	switch {
	case name[0] != '/':
		img.path = k.absolute(t, dirfd, name)
	case strings.HasPrefix(name, "/proc/"):
		// What such a link leads to changes with the exec: /proc/self/exe would lead
		// to itself.
		if l, errno := k.resolve(t, dirfd, name, false); errno == 0 && l.Node != nil && l.Node.IsLink() {
			img.path = l.Node.Target()
		}
	}
	return k.findProgram(t, pl.Node, img, depth)
}

// findProgram checks a file and, if it is a script, goes on to its interpreter.
func (k *Kernel) findProgram(t *proc.Thread, n *fs.Node, img *image, depth int) int64 {
	if !n.IsReg() || n.Mode&0o111 == 0 {
		return -abi.EACCES
	}
	return k.program(t, n.Store(), img, depth)
}

// program looks into a file that may be executed.
func (k *Kernel) program(t *proc.Thread, st *vm.Store, img *image, depth int) int64 {
	var head [256]byte
	m := st.ReadAt(head[:], 0)
	if m >= 2 && head[0] == '#' && head[1] == '!' {
		if depth == maxShebang {
			return -abi.ELOOP
		}
		line, _, ok := strings.Cut(string(head[2:m]), "\n")
		if !ok && m == len(head) {
			return -abi.ENOEXEC
		}
		interp, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		if interp == "" {
			return -abi.ENOEXEC
		}
		args := []string{interp}
		if arg = strings.TrimSpace(arg); arg != "" {
			args = append(args, arg)
		}
		args = append(args, cmp.Or(img.given, img.path))
		if len(img.args) > 1 {
			args = append(args, img.args[1:]...)
		}
		img.args, img.path = args, interp
		return k.find(t, atFDCWD, interp, img, depth+1)
	}
	prog, errno := parseELF(st)
	if errno != 0 {
		return -int64(errno)
	}
	img.store, img.prog = st, prog
	return 0
}

// exec replaces the caller's program. Until ReplaceMemory nothing has changed.
func (k *Kernel) exec(t *proc.Thread, img *image) int64 {
	if !t.Process().LocksHere(t.Process().Threads...) {
		return -abi.EFAULT
	}
	s := vm.New()
	if s == nil {
		return -abi.ENOMEM
	}
	if errno := img.prog.load(s, img.store); errno != 0 {
		s.Release()
		return -int64(errno)
	}
	sp, random, ok := k.buildStack(s, img)
	if !ok {
		s.Release()
		return -abi.ENOMEM
	}
	p := t.Process()
	k.Tab.ReplaceMemory(t)
	p.Space = s
	p.FDs.CloseOnExec()
	p.Random = random
	p.Exe, p.Args = img.path, img.args
	p.Comm = path.Base(cmp.Or(img.called, img.path))
	p.Comm = p.Comm[:min(len(p.Comm), 15)]
	t.Name = p.Comm

	f := t.Frame
	if k.Tab.SpillFPU != nil {
		k.Tab.SpillFPU(f)
	}
	*f = abi.Frame{IP: img.prog.entry, SP: sp}
	proc.ResetFPU(f)
	proc.Sanitize(f)
	return -abi.ENORETURN
}

// auxv entries (getauxval(3)).
const (
	atPhdr, atPhent, atPhnum, atPagesz, atBase, atFlags, atEntry = 3, 4, 5, 6, 7, 8, 9
	atUID, atEUID, atGID, atEGID                                 = 11, 12, 13, 14
	atPlatform, atHwcap, atClktck, atSecure, atRandom            = 15, 16, 17, 23, 25
	atExecfn                                                     = 31
)

// buildStack lays out what a new program finds at its stack pointer (the System V
// ABI, AMD64 supplement, 3.4.1): argc, argv, envp, auxv, and the strings above.
func (k *Kernel) buildStack(s *vm.Space, img *image) (sp, randomAt uint64, ok bool) {
	var blob []byte // from the top downwards is awkward: strings are placed as one block
	var offsets []uint64
	put := func(str string) uint64 {
		o := uint64(len(blob))
		blob = append(append(blob, str...), 0)
		return o
	}
	for _, a := range append(append([]string(nil), img.args...), img.env...) {
		offsets = append(offsets, put(a))
	}
	execfn, platform := put(img.path), put("x86_64")
	random := uint64(len(blob))
	blob = append(blob, make([]byte, 16)...)
	k.Random(blob[random:])

	base := (uint64(stackTop) - uint64(len(blob))) &^ 15
	auxv := words(
		atPhdr, img.prog.phdr, atPhent, elfProgHeader, atPhnum, uint64(img.prog.phnum),
		atPagesz, vm.PageBytes, atBase, 0, atFlags, 0, atEntry, img.prog.entry,
		atUID, 0, atEUID, 0, atGID, 0, atEGID, 0, atSecure, 0,
		atHwcap, uint64(k.HWCap), atClktck, 100, atRandom, base+random,
		atPlatform, base+platform, atExecfn, base+execfn, 0, 0)
	n := len(offsets)
	table := words(uint64(len(img.args)))
	for i, o := range offsets {
		if i == len(img.args) {
			table = append(table, words(0)...)
		}
		table = append(table, words(base+o)...)
	}
	if n == len(img.args) {
		table = append(table, words(0)...)
	}
	table = append(append(table, words(0)...), auxv...)
	sp = (base - uint64(len(table))) &^ 15
	_, f1 := s.CopyOut(base, blob)
	_, f2 := s.CopyOut(sp, table)
	return sp, base + random, f1 == vm.OK && f2 == vm.OK
}

// Spawn starts a program as a new process, a child of init: how the kernel makes
// its first process, and the process server any. files become descriptors 0, 1, …
func (k *Kernel) Spawn(name string, args, env []string, files []*object.File) (*proc.Process, int) {
	if k.Pressure != nil && k.Pressure() {
		return nil, abi.ENOMEM
	}
	pl, errno := k.FS.Lookup(k.FS.Root, name, true)
	if errno != 0 {
		return nil, errno
	}
	if pl.Node == nil {
		return nil, abi.ENOENT
	}
	p := k.Tab.New(nil)
	if p == nil {
		return nil, abi.EAGAIN
	}
	img := &image{path: name, args: args, env: env}
	t := p.Leader()
	t.Frame = new(abi.Frame)
	p.Space = vm.New()
	if p.Space == nil {
		k.Tab.Abandon(p)
		return nil, abi.ENOMEM
	}
	if e := k.findProgram(t, pl.Node, img, 0); e != 0 {
		k.Tab.Abandon(p)
		return nil, int(-e)
	}
	for fd, f := range files {
		if f != nil {
			f.Retain()
			p.FDs.Set(int32(fd), f, false)
		}
	}
	if ret := k.exec(t, img); ret != -abi.ENORETURN {
		k.Tab.Abandon(p)
		return nil, int(-ret)
	}
	k.Tab.Start(t)
	return p, 0
}
