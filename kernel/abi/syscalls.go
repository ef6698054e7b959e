package abi

// Linux system call numbers on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
const (
	SysRead             = 0
	SysWrite            = 1
	SysOpen             = 2
	SysClose            = 3
	SysStat             = 4
	SysFstat            = 5
	SysLstat            = 6
	SysPoll             = 7
	SysLseek            = 8
	SysMmap             = 9
	SysMprotect         = 10
	SysMunmap           = 11
	SysBrk              = 12
	SysRtSigaction      = 13
	SysRtSigprocmask    = 14
	SysRtSigreturn      = 15
	SysIoctl            = 16
	SysPread64          = 17
	SysPwrite64         = 18
	SysReadv            = 19
	SysWritev           = 20
	SysAccess           = 21
	SysPipe             = 22
	SysSelect           = 23
	SysSchedYield       = 24
	SysMremap           = 25
	SysMsync            = 26
	SysMincore          = 27
	SysMadvise          = 28
	SysDup              = 32
	SysDup2             = 33
	SysPause            = 34
	SysNanosleep        = 35
	SysGetitimer        = 36
	SysAlarm            = 37
	SysSetitimer        = 38
	SysGetpid           = 39
	SysSendfile         = 40
	SysSocket           = 41
	SysConnect          = 42
	SysAccept           = 43
	SysSendto           = 44
	SysRecvfrom         = 45
	SysSendmsg          = 46
	SysRecvmsg          = 47
	SysShutdown         = 48
	SysBind             = 49
	SysListen           = 50
	SysGetsockname      = 51
	SysGetpeername      = 52
	SysSetsockopt       = 54
	SysGetsockopt       = 55
	SysClone            = 56
	SysFork             = 57
	SysVfork            = 58
	SysExecve           = 59
	SysExit             = 60
	SysWait4            = 61
	SysKill             = 62
	SysUname            = 63
	SysFcntl            = 72
	SysFlock            = 73
	SysFsync            = 74
	SysFdatasync        = 75
	SysTruncate         = 76
	SysFtruncate        = 77
	SysGetdents         = 78
	SysGetcwd           = 79
	SysChdir            = 80
	SysFchdir           = 81
	SysRename           = 82
	SysMkdir            = 83
	SysRmdir            = 84
	SysCreat            = 85
	SysLink             = 86
	SysUnlink           = 87
	SysSymlink          = 88
	SysReadlink         = 89
	SysChmod            = 90
	SysFchmod           = 91
	SysChown            = 92
	SysFchown           = 93
	SysLchown           = 94
	SysUmask            = 95
	SysGettimeofday     = 96
	SysGetrlimit        = 97
	SysGetrusage        = 98
	SysSysinfo          = 99
	SysTimes            = 100
	SysGetuid           = 102
	SysGetgid           = 104
	SysSetuid           = 105
	SysSetgid           = 106
	SysGeteuid          = 107
	SysGetegid          = 108
	SysSetpgid          = 109
	SysGetppid          = 110
	SysGetpgrp          = 111
	SysSetsid           = 112
	SysSetreuid         = 113
	SysSetregid         = 114
	SysGetgroups        = 115
	SysSetgroups        = 116
	SysSetresuid        = 117
	SysGetresuid        = 118
	SysSetresgid        = 119
	SysGetresgid        = 120
	SysGetpgid          = 121
	SysSetfsuid         = 122
	SysSetfsgid         = 123
	SysGetsid           = 124
	SysCapget           = 125
	SysCapset           = 126
	SysRtSigpending     = 127
	SysRtSigtimedwait   = 128
	SysRtSigqueueinfo   = 129
	SysRtSigsuspend     = 130
	SysSigaltstack      = 131
	SysUtime            = 132
	SysMknod            = 133
	SysPersonality      = 135
	SysStatfs           = 137
	SysFstatfs          = 138
	SysGetpriority      = 140
	SysSetpriority      = 141
	SysSchedSetparam    = 142
	SysSchedGetparam    = 143
	SysSchedSetschedul  = 144
	SysSchedGetschedul  = 145
	SysSchedPriorityMax = 146
	SysSchedPriorityMin = 147
	SysSchedRrInterval  = 148
	SysMlock            = 149
	SysMunlock          = 150
	SysMlockall         = 151
	SysMunlockall       = 152
	SysPrctl            = 157
	SysArchPrctl        = 158
	SysSetrlimit        = 160
	SysSync             = 162
	SysSettimeofday     = 164
	SysMount            = 165
	SysUmount2          = 166
	SysReboot           = 169
	SysGettid           = 186
	SysReadahead        = 187
	SysTime             = 201
	SysFutex            = 202
	SysSchedSetaffinit  = 203
	SysSchedGetaffinity = 204
	SysGetdents64       = 217
	SysSetTidAddress    = 218
	SysFadvise64        = 221
	SysTimerCreate      = 222
	SysTimerSettime     = 223
	SysTimerGettime     = 224
	SysTimerGetoverrun  = 225
	SysTimerDelete      = 226
	SysClockSettime     = 227
	SysClockGettime     = 228
	SysClockGetres      = 229
	SysClockNanosleep   = 230
	SysExitGroup        = 231
	SysEpollWait        = 232
	SysEpollCtl         = 233
	SysTgkill           = 234
	SysUtimes           = 235
	SysWaitid           = 247
	SysIoprioSet        = 251
	SysIoprioGet        = 252
	SysOpenat           = 257
	SysMkdirat          = 258
	SysMknodat          = 259
	SysFchownat         = 260
	SysFutimesat        = 261
	SysNewfstatat       = 262
	SysUnlinkat         = 263
	SysRenameat         = 264
	SysLinkat           = 265
	SysSymlinkat        = 266
	SysReadlinkat       = 267
	SysFchmodat         = 268
	SysFaccessat        = 269
	SysPselect6         = 270
	SysPpoll            = 271
	SysSetRobustList    = 273
	SysGetRobustList    = 274
	SysSyncFileRange    = 277
	SysUtimensat        = 280
	SysEpollPwait       = 281
	SysSignalfd         = 282
	SysTimerfdCreate    = 283
	SysEventfd          = 284
	SysFallocate        = 285
	SysTimerfdSettime   = 286
	SysTimerfdGettime   = 287
	SysAccept4          = 288
	SysSignalfd4        = 289
	SysEventfd2         = 290
	SysEpollCreate1     = 291
	SysDup3             = 292
	SysPipe2            = 293
	SysPreadv           = 295
	SysPwritev          = 296
	SysRtTgsigqueueinf  = 297
	SysPrlimit64        = 302
	SysSyncfs           = 306
	SysGetcpu           = 309
	SysRenameat2        = 316
	SysGetrandom        = 318
	SysMemfdCreate      = 319
	SysExecveat         = 322
	SysMembarrier       = 324
	SysMlock2           = 325
	SysCopyFileRange    = 326
	SysPreadv2          = 327
	SysPwritev2         = 328
	SysStatx            = 332
	SysRseq             = 334
	SysPidfdSendSignal  = 424
	SysPidfdOpen        = 434
	SysClone3           = 435
	SysCloseRange       = 436
	SysOpenat2          = 437
	SysFaccessat2       = 439
	SysEpollPwait2      = 441
	SysEpollCreate      = 213
	SysTkill            = 200

	// MaxSys is one above the highest Linux number that means anything here.
	MaxSys = 470
)

// Motile's own calls, for message passing (amoeba.h's trans, getreq, putrep).
const (
	SysMotile   = 0x4d00
	SysTrans    = SysMotile + 0
	SysGetreq   = SysMotile + 1
	SysPutrep   = SysMotile + 2
	SysNodeInfo = SysMotile + 3

	SysTimeout     = SysMotile + 4 // how long the thread's trans looks for a server
	SysTransWithin = SysMotile + 5 // trans with a deadline
	SysForward     = SysMotile + 6 // putrep's alternative: let another server answer
	SysSecure      = SysMotile + 7 // whether the thread's trans avoids untrusted networks
)

// Ordered groups (amoeba's grp(L); see ipc/group/PROTOCOL.md).
const (
	SysGrpCreate  = SysMotile + 0x10
	SysGrpJoin    = SysMotile + 0x11
	SysGrpLeave   = SysMotile + 0x12
	SysGrpSend    = SysMotile + 0x13
	SysGrpReceive = SysMotile + 0x14
	SysGrpReset   = SysMotile + 0x15
	SysGrpInfo    = SysMotile + 0x16
	SysGrpSet     = SysMotile + 0x17
	SysGrpForward = SysMotile + 0x18
)

// Raw FLIP (amoeba's rawflip(N); see ipc/raw/PROTOCOL.md).
const (
	SysFlipInit       = SysMotile + 0x20
	SysFlipEnd        = SysMotile + 0x21
	SysFlipRegister   = SysMotile + 0x22
	SysFlipUnregister = SysMotile + 0x23
	SysFlipUnicast    = SysMotile + 0x24
	SysFlipMulticast  = SysMotile + 0x25
	SysFlipBroadcast  = SysMotile + 0x26
	SysFlipReceive    = SysMotile + 0x27
)

// Mutexes (amoeba's mutex(L)) and segments (amoeba's seg(L)).
const (
	SysMuTrylock = SysMotile + 0x28
	SysMuUnlock  = SysMotile + 0x29
	SysSegCreate = SysMotile + 0x2a
	SysSegMap    = SysMotile + 0x2b
	SysSegGrow   = SysMotile + 0x2c
	SysSegUnmap  = SysMotile + 0x2d
	SysGetinfo   = SysMotile + 0x2e
)

// Internal results: a handler asks for one of these and the thread never sees
// it. The numbers are Linux's (include/linux/errno.h).
const (
	ERESTARTSYS    = 512 // restart after a handler with SA_RESTART, else EINTR
	ERESTARTNOHAND = 514 // restart if no handler ran, else EINTR
	EBLOCKED       = 600 // the call is a record now; the thread waits
	ENORETURN      = 601 // the registers were replaced: sigreturn, exec, exit
	EBACKGROUND    = 602 // a background group uses its terminal: SIGTTIN or SIGTTOU
)
