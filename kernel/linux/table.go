package linux

import "motile/kernel/abi"

// calls is the whole of the personality: one handler for each number.
var calls = [abi.MaxSys]handler{
	abi.SysRead: sysRead, abi.SysWrite: sysWrite,
	abi.SysReadv: sysReadv, abi.SysWritev: sysWritev,
	abi.SysPread64: sysPread, abi.SysPwrite64: sysPwrite,
	abi.SysPreadv: sysPreadv, abi.SysPwritev: sysPwritev,
	abi.SysPreadv2: sysPreadv, abi.SysPwritev2: sysPwritev,
	abi.SysSendfile: sysSendfile,

	abi.SysOpen: sysOpen, abi.SysCreat: sysCreat, abi.SysOpenat: sysOpenat,
	abi.SysClose: sysClose, abi.SysCloseRange: sysCloseRange,
	abi.SysDup: sysDup, abi.SysDup2: sysDup2, abi.SysDup3: sysDup3,
	abi.SysFcntl: sysFcntl, abi.SysIoctl: sysIoctl, abi.SysLseek: sysLseek,
	abi.SysPipe: sysPipe, abi.SysPipe2: sysPipe2,
	abi.SysEventfd: sysEventfd, abi.SysEventfd2: sysEventfd2,
	abi.SysMemfdCreate: sysMemfdCreate,
	abi.SysFsync:       sysFsync, abi.SysFdatasync: sysFsync, abi.SysSync: sysZero,
	abi.SysFlock: sysFsync, abi.SysFadvise64: sysFsync,
	abi.SysTruncate: sysTruncate, abi.SysFtruncate: sysFtruncate, abi.SysFallocate: sysFallocate,
	abi.SysGetdents64: sysGetdents64,

	abi.SysStat: sysStat, abi.SysLstat: sysLstat, abi.SysFstat: sysFstat,
	abi.SysNewfstatat: sysNewfstatat, abi.SysStatx: sysStatx,
	abi.SysStatfs: sysStatfs, abi.SysFstatfs: sysFstatfs,
	abi.SysAccess: sysAccess, abi.SysFaccessat: sysFaccessat, abi.SysFaccessat2: sysFaccessat2,
	abi.SysMkdir: sysMkdir, abi.SysMkdirat: sysMkdirat, abi.SysRmdir: sysRmdir,
	abi.SysUnlink: sysUnlink, abi.SysUnlinkat: sysUnlinkat,
	abi.SysRename: sysRename, abi.SysRenameat: sysRenameat, abi.SysRenameat2: sysRenameat2,
	abi.SysLink: sysLink, abi.SysLinkat: sysLinkat,
	abi.SysSymlink: sysSymlink, abi.SysSymlinkat: sysSymlinkat,
	abi.SysReadlink: sysReadlink, abi.SysReadlinkat: sysReadlinkat,
	abi.SysChmod: sysChmod, abi.SysFchmod: sysFchmod, abi.SysFchmodat: sysFchmodat,
	abi.SysChown: sysChown, abi.SysLchown: sysChown, abi.SysFchown: sysFchown, abi.SysFchownat: sysFchownat,
	abi.SysChdir: sysChdir, abi.SysFchdir: sysFchdir, abi.SysGetcwd: sysGetcwd,
	abi.SysUtimensat: sysUtimensat, abi.SysUtimes: sysUtimes, abi.SysUtime: sysUtimes,
	abi.SysMknodat: sysMknodat, abi.SysUmask: sysUmask,

	abi.SysPoll: sysPoll, abi.SysPpoll: sysPpoll, abi.SysSelect: sysSelect, abi.SysPselect6: sysPselect6,
	abi.SysEpollCreate: sysEpollCreate, abi.SysEpollCreate1: sysEpollCreate1, abi.SysEpollCtl: sysEpollCtl,
	abi.SysEpollWait: sysEpollWait, abi.SysEpollPwait: sysEpollPwait, abi.SysEpollPwait2: sysEpollPwait2,

	abi.SysMmap: sysMmap, abi.SysMunmap: sysMunmap, abi.SysMprotect: sysMprotect, abi.SysMremap: sysMremap,
	abi.SysMadvise: sysMadvise, abi.SysMsync: sysMsync, abi.SysMincore: sysMincore, abi.SysBrk: sysBrk,
	abi.SysMlock: sysZero, abi.SysMunlock: sysZero,

	abi.SysClone: sysClone, abi.SysFork: sysFork, abi.SysVfork: sysVfork, abi.SysClone3: sysClone3,
	abi.SysExecve: sysExecve, abi.SysExecveat: sysExecveat,
	abi.SysExit: sysExit, abi.SysExitGroup: sysExitGroup,
	abi.SysWait4: sysWait4, abi.SysWaitid: sysWaitid, abi.SysSetTidAddress: sysSetTidAddress,
	abi.SysFutex: sysFutex, abi.SysSetRobustList: sysSetRobustList, abi.SysGetRobustList: sysGetRobustList,

	abi.SysRtSigaction: sysRtSigaction, abi.SysRtSigprocmask: sysRtSigprocmask,
	abi.SysRtSigreturn: sysRtSigreturn, abi.SysSigaltstack: sysSigaltstack,
	abi.SysRtSigpending: sysRtSigpending, abi.SysRtSigsuspend: sysRtSigsuspend,
	abi.SysRtSigtimedwait: sysRtSigtimedwait, abi.SysRtSigqueueinfo: sysRtSigqueueinfo,
	abi.SysKill: sysKill, abi.SysTkill: sysTkill, abi.SysTgkill: sysTgkill, abi.SysPause: sysPause,

	abi.SysClockGettime: sysClockGettime, abi.SysClockGetres: sysClockGetres,
	abi.SysClockNanosleep: sysClockNanosleep, abi.SysNanosleep: sysNanosleep,
	abi.SysGettimeofday: sysGettimeofday, abi.SysTime: sysTime, abi.SysTimes: sysTimes,
	abi.SysGetitimer: sysGetitimer, abi.SysSetitimer: sysSetitimer, abi.SysAlarm: sysAlarm,
	abi.SysGetrusage: sysGetrusage,

	abi.SysGetpid: sysGetpid, abi.SysGettid: sysGettid, abi.SysGetppid: sysGetppid,
	abi.SysGetpgrp: sysGetpgrp, abi.SysGetpgid: sysGetpgid, abi.SysSetpgid: sysSetpgid,
	abi.SysGetsid: sysGetsid, abi.SysSetsid: sysSetsid,
	abi.SysGetuid: sysZero, abi.SysGeteuid: sysZero, abi.SysGetgid: sysZero, abi.SysGetegid: sysZero,
	abi.SysSetuid: sysZero, abi.SysSetgid: sysZero, abi.SysSetreuid: sysZero, abi.SysSetregid: sysZero,
	abi.SysSetresuid: sysZero, abi.SysSetresgid: sysZero, abi.SysSetgroups: sysZero, abi.SysGetgroups: sysZero,
	abi.SysGetresuid: sysGetresuid, abi.SysGetresgid: sysGetresuid, abi.SysCapget: sysCapget,

	abi.SysUname: sysUname, abi.SysArchPrctl: sysArchPrctl, abi.SysPrctl: sysPrctl,
	abi.SysGetrandom: sysGetrandom, abi.SysSysinfo: sysSysinfo, abi.SysReboot: sysReboot,
	abi.SysGetrlimit: sysGetrlimit, abi.SysSetrlimit: sysSetrlimit, abi.SysPrlimit64: sysPrlimit64,
	abi.SysSchedYield: sysSchedYield, abi.SysSchedGetaffinity: sysSchedGetaffinity,
	abi.SysSchedSetaffinit: sysZero, abi.SysSchedGetparam: sysSchedGetparam,
	abi.SysSchedGetschedul: sysZero, abi.SysSchedSetschedul: sysZero, abi.SysSchedSetparam: sysZero,
	abi.SysGetpriority: sysGetpriority, abi.SysSetpriority: sysZero,
	abi.SysGetcpu: sysGetcpu, abi.SysMembarrier: sysMembarrier,
}
