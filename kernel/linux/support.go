package linux

import "motile/kernel/abi"

// What is said of the calls to people: SUPPORT.md is made of it, and of the table.

// Implemented reports whether a call is in the table.
func Implemented(nr uint32) bool { return nr < abi.MaxSys && calls[nr] != nil }

// Partial says of calls that are in the table what they lack.
var Partial = map[uint32]string{
	abi.SysPreadv2:         "the flags are not looked at",
	abi.SysPwritev2:        "the flags are not looked at",
	abi.SysSendfile:        "always EINVAL, upon which programs read and write",
	abi.SysFallocate:       "only to make a file longer",
	abi.SysFsync:           "files of servers only: those of the node cannot be lost but with it",
	abi.SysFdatasync:       "as fsync",
	abi.SysSync:            "succeeds without effect",
	abi.SysMsync:           "as fsync",
	abi.SysFadvise64:       "succeeds without effect",
	abi.SysIoctl:           "terminals, FIONBIO, FIOCLEX, FIONCLEX and FIONREAD only",
	abi.SysFcntl:           "no leases, owners or seals; a pipe's size does not change",
	abi.SysMount:           "type motile only: a directory of a file server, by the text of its capability",
	abi.SysUmount2:         "such mounts only; flags have no effect",
	abi.SysMknod:           "no devices: they are the kernel's",
	abi.SysMknodat:         "as mknod",
	abi.SysRenameat2:       "RENAME_NOREPLACE only",
	abi.SysChown:           "there are no users: succeeds without effect",
	abi.SysLchown:          "as chown",
	abi.SysFchown:          "as chown",
	abi.SysFchownat:        "as chown",
	abi.SysMlock:           "nothing is ever paged out: succeeds without effect",
	abi.SysMunlock:         "as mlock",
	abi.SysMlock2:          "as mlock",
	abi.SysMlockall:        "as mlock",
	abi.SysMunlockall:      "as mlock",
	abi.SysMmap:            "no huge pages; nothing but files and memory can be mapped",
	abi.SysClone:           "no namespaces; memory is shared by threads and with CLONE_VFORK only",
	abi.SysClone3:          "as clone; no set_tid, no cgroup",
	abi.SysFutex:           "no priority inheritance (ENOSYS)",
	abi.SysSetuid:          "there are no users: succeeds without effect",
	abi.SysSetgid:          "as setuid",
	abi.SysSetreuid:        "as setuid",
	abi.SysSetregid:        "as setuid",
	abi.SysSetresuid:       "as setuid",
	abi.SysSetresgid:       "as setuid",
	abi.SysSetgroups:       "as setuid",
	abi.SysGetgroups:       "there are none",
	abi.SysCapget:          "all of them",
	abi.SysPrctl:           "names, parent-death signals, dumpability and no_new_privs only",
	abi.SysSysinfo:         "memory, uptime and processes",
	abi.SysReboot:          "ends the node, whatever is asked for",
	abi.SysSetrlimit:       "limits are kept; those on descriptors, processes, stacks and address space are heeded",
	abi.SysPrlimit64:       "as setrlimit, and of the process itself",
	abi.SysSchedSetaffinit: "there is one CPU: succeeds without effect",
	abi.SysSchedGetparam:   "always 0",
	abi.SysSchedGetschedul: "always SCHED_OTHER",
	abi.SysSchedSetschedul: "succeeds without effect",
	abi.SysSchedSetparam:   "succeeds without effect",
	abi.SysGetpriority:     "always 0, and only of processes on this node",
	abi.SysSetpriority:     "succeeds without effect, for processes on this node",
	abi.SysIoprioGet:       "always 0",
	abi.SysIoprioSet:       "succeeds without effect",
	abi.SysPersonality:     "always Linux's own",
	abi.SysCapset:          "succeeds without effect",
	abi.SysSetfsuid:        "as setuid",
	abi.SysSetfsgid:        "as setuid",
	abi.SysSyncfs:          "as fsync",
	abi.SysSyncFileRange:   "as fsync",
	abi.SysReadahead:       "all of a file is in memory: succeeds without effect",
	abi.SysClockSettime:    "EPERM: the clock is the cluster's",
	abi.SysSettimeofday:    "EPERM: the clock is the cluster's",
	abi.SysTimerCreate:     "no CPU clocks of other processes",
	abi.SysClockNanosleep:  "no CPU clocks",
	abi.SysMembarrier:      "MEMBARRIER_CMD_QUERY only, which says that there is no other",
	abi.SysStatfs:          "the size of the node's memory, whatever the file system",
	abi.SysFstatfs:         "as statfs",
}

// Blocking are the calls that may wait for something other than an object on another
// node, which any call about a descriptor may wait for.
var Blocking = []uint32{
	abi.SysOpen, abi.SysOpenat, // of a FIFO
	abi.SysRead, abi.SysReadv, abi.SysWrite, abi.SysWritev,
	abi.SysFlock, abi.SysFcntl,
	abi.SysPoll, abi.SysPpoll, abi.SysSelect, abi.SysPselect6,
	abi.SysEpollWait, abi.SysEpollPwait, abi.SysEpollPwait2,
	abi.SysVfork, abi.SysClone, abi.SysWait4, abi.SysWaitid, abi.SysFutex,
	abi.SysRtSigsuspend, abi.SysRtSigtimedwait, abi.SysPause,
	abi.SysClockNanosleep, abi.SysNanosleep,
}
