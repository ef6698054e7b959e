package linux

import (
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// Release is what uname says after the name: programs parse it as Linux's.
const (
	Release = "6.1.0-motile"
	version = "Motile"
)

func sysUname(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	b := make([]byte, 6*65)
	for i, s := range []string{"Linux", k.Name, Release, version, "x86_64", "(none)"} {
		copy(b[65*i:65*i+64], s)
	}
	return k.copyOut(t, c.Args[0], b)
}

func sysArchPrctl(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const setGS, setFS, getFS, getGS = 0x1001, 0x1002, 0x1003, 0x1004
	switch c.Args[0] {
	case setFS, setGS:
		if c.Args[1] >= abi.UserTop {
			return -abi.EPERM
		}
		if c.Args[0] == setFS {
			t.Frame.FSBase = c.Args[1]
		} else {
			t.Frame.GSBase = c.Args[1]
		}
		return 0
	case getFS:
		return k.copyOut(t, c.Args[1], words(t.Frame.FSBase))
	case getGS:
		return k.copyOut(t, c.Args[1], words(t.Frame.GSBase))
	}
	return -abi.EINVAL
}

func sysPrctl(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const (
		setPdeathsig, getPdeathsig = 1, 2
		getDumpable, setDumpable   = 3, 4
		setName, getName           = 15, 16
		setSubreaper, getSubreaper = 36, 37
		setNoNewPrivs, getNoNew    = 38, 39
		setTHPDisable, getTHP      = 41, 42
		getKeepcaps, setKeepcaps   = 7, 8
		getSeccomp                 = 21
		capbsetRead                = 23
		setTimerslack, getSlack    = 29, 30
		getTIDAddress              = 40

		lastCapability = 40
		timerslack     = 50_000 // ns, Linux's; nothing is put off by it here
	)
	p := t.Process()
	switch c.Args[0] {
	case setPdeathsig:
		if !validSignal(c.Args[1]) {
			return -abi.EINVAL
		}
		p.DeathSig = int(c.Args[1])
		return 0
	case getPdeathsig:
		return k.copyOut(t, c.Args[1], le.AppendUint32(nil, uint32(p.DeathSig)))
	case getDumpable:
		return 1
	case setDumpable, setNoNewPrivs, setTHPDisable, setKeepcaps, setTimerslack:
		return 0
	case getNoNew, getTHP, getKeepcaps, getSeccomp:
		return 0
	case capbsetRead:
		if c.Args[1] > lastCapability {
			return -abi.EINVAL
		}
		return 1
	case getSlack:
		return timerslack
	case getTIDAddress:
		return k.copyOut(t, c.Args[1], words(t.ClearTID))
	case setName:
		var b [16]byte
		if n, f := p.Space.CopyIn(b[:], c.Args[1]); f == vm.Away || f != vm.OK && n == 0 {
			return -abi.EFAULT
		}
		name := string(b[:15])
		for i := range name {
			if name[i] == 0 {
				name = name[:i]
				break
			}
		}
		t.Name = name
		if t == p.Leader() {
			p.Comm = name
		}
		return 0
	case getName:
		var b [16]byte
		copy(b[:15], t.Name)
		return k.copyOut(t, c.Args[1], b[:])
	}
	return -abi.EINVAL
}

func sysGetrandom(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const nonblock, random, insecure = 1, 2, 4
	if c.Args[2]&^(nonblock|random|insecure) != 0 {
		return -abi.EINVAL
	}
	n := min(c.Args[1], 1<<20)
	b := make([]byte, min(n, 4096)) // it is in the kernel's heap
	for done := uint64(0); done < n; done += uint64(len(b)) {
		b = b[:min(uint64(len(b)), n-done)]
		k.Random(b)
		if errno := k.copyOut(t, c.Args[0]+done, b); errno != 0 {
			return errno
		}
	}
	return int64(n)
}

func sysGetrlimit(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[0] >= proc.Nlimits {
		return -abi.EINVAL
	}
	l := t.Process().Limits[c.Args[0]]
	return k.copyOut(t, c.Args[1], words(l.Cur, l.Max))
}

func sysSetrlimit(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.setLimit(t, t.Process(), c.Args[0], c.Args[1])
}

func (k *Kernel) setLimit(t *proc.Thread, p *proc.Process, which, addr uint64) int64 {
	var b [16]byte
	if which >= proc.Nlimits {
		return -abi.EINVAL
	}
	if !k.copyIn(t, addr, b[:]) {
		return -abi.EFAULT
	}
	l := proc.Limit{Cur: le.Uint64(b[:]), Max: le.Uint64(b[8:])}
	switch {
	case l.Cur > l.Max:
		return -abi.EINVAL
	case which == proc.LimitNofile && l.Max > proc.MaxFDs:
		return -abi.EPERM
	}
	p.Limits[which] = l
	return 0
}

func sysPrlimit64(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := k.target(t, c.Args[0])
	if p == nil {
		return -abi.ESRCH
	}
	if c.Args[1] >= proc.Nlimits {
		return -abi.EINVAL
	}
	was := p.Limits[c.Args[1]]
	if c.Args[2] != 0 {
		if errno := k.setLimit(t, p, c.Args[1], c.Args[2]); errno != 0 {
			return errno
		}
	}
	if c.Args[3] != 0 {
		return k.copyOut(t, c.Args[3], words(was.Cur, was.Max))
	}
	return 0
}

func sysSysinfo(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	b := words(uint64(t.Process().Now()/1e9), 0, 0, 0,
		k.TotalPages()*vm.PageBytes, k.FreePages()*vm.PageBytes, 0, 0, 0, 0)
	b = le.AppendUint16(b, uint16(len(k.Tab.Processes())))
	b = append(b, make([]byte, 6)...)
	b = append(b, words(0, 0)...)
	b = le.AppendUint32(b, 1) // mem_unit
	return k.copyOut(t, c.Args[0], append(b, make([]byte, 112-len(b))...))
}

func sysUmask(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	was := t.Process().Umask
	t.Process().Umask = uint32(c.Args[0]) & 0o777
	return int64(was)
}

func sysSchedYield(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	k.Yielded = true
	return 0
}

func sysSchedGetaffinity(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1] < 8 {
		return -abi.EINVAL
	}
	if errno := k.copyOut(t, c.Args[2], words(1)); errno != 0 {
		return errno
	}
	return 8
}

func sysGetcpu(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	for _, a := range c.Args[:2] {
		if a != 0 {
			if errno := k.copyOut(t, a, make([]byte, 4)); errno != 0 {
				return errno
			}
		}
	}
	return 0
}

func sysGetpriority(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if errno := k.priorityOf(c); errno != 0 {
		return errno
	}
	return 20
}

func sysSetpriority(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.priorityOf(c) }

// priorityOf looks whether there is anybody here whose priority could be meant.
func (k *Kernel) priorityOf(c *proc.Call) int64 {
	const process, group, user = 0, 1, 2
	who := int32(c.Args[1])
	switch which := int32(c.Args[0]); {
	case which < process || which > user:
		return -abi.EINVAL
	case who == 0 || which == user:
	case which == process && k.Tab.Process(who) == nil && k.Tab.Thread(who) == nil,
		which == group && k.Tab.GroupSession(who) == 0:
		return -abi.ESRCH
	}
	return 0
}

func sysSchedGetparam(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.copyOut(t, c.Args[1], make([]byte, 4))
}

func sysMembarrier(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	// GLOBAL, GLOBAL_EXPEDITED, PRIVATE_EXPEDITED and its SYNC_CORE, and registering for
	// each. There is one CPU, and to run another thread it goes through the kernel, so
	// all of them are done by asking.
	const all = 1<<7 - 1
	cmd := uint32(c.Args[0])
	switch {
	case c.Args[1] != 0:
		return -abi.EINVAL
	case cmd == 0: // MEMBARRIER_CMD_QUERY
		return all
	case cmd&(cmd-1) != 0 || cmd&all == 0:
		return -abi.EINVAL
	}
	return 0
}

// Scheduling policies (sched(7)).
const (
	schedFifo = 1
	schedRR   = 2
	schedLast = 6 // SCHED_DEADLINE; 4 does not exist
)

func schedPriority(policy uint64, realtime int64) int64 {
	switch {
	case policy == schedFifo || policy == schedRR:
		return realtime
	case policy > schedLast || policy == 4:
		return -abi.EINVAL
	}
	return 0
}

func sysSchedPriorityMax(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return schedPriority(c.Args[0]&0xffffffff, 99)
}

func sysSchedPriorityMin(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return schedPriority(c.Args[0]&0xffffffff, 1)
}

func sysSchedRrInterval(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const slice = 2_000_000 // ns
	switch pid := int32(c.Args[0]); {
	case pid < 0:
		return -abi.EINVAL
	case pid > 0 && k.Tab.NamedThread(t.Process(), pid) == nil:
		return -abi.ESRCH
	}
	return k.copyOut(t, c.Args[1], timespec(slice))
}

// sysPerm is what only the node itself may do.
func sysPerm(*Kernel, *proc.Thread, *proc.Call) int64 { return -abi.EPERM }

// sysClockSettime: nobody sets a clock.
func sysClockSettime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if clockID(c.Args[0]) == clockRealtime {
		return -abi.EPERM
	}
	return -abi.EINVAL
}

func sysCapget(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1] == 0 {
		return 0
	}
	all := words(^uint64(0), ^uint64(0), ^uint64(0))
	return k.copyOut(t, c.Args[1], all)
}

// sysReboot: power off and restart end the node.
func sysReboot(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const magic1, magic2 = 0xfee1dead, 672274793
	const restart, halt, powerOff = 0x01234567, 0xcdef0123, 0x4321fedc
	if uint32(c.Args[0]) != magic1 || uint32(c.Args[1]) != magic2 {
		return -abi.EINVAL
	}
	switch uint32(c.Args[2]) {
	case restart, halt, powerOff:
		k.Halt = true
	}
	return 0
}
