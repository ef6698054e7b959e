package file

import "motile/kernel/abi"

// errno is a Linux error number, 0 if all went well.
type errno = uint32

const (
	eperm        errno = abi.EPERM
	enoent       errno = abi.ENOENT
	eio          errno = abi.EIO
	ebusy        errno = abi.EBUSY
	eexist       errno = abi.EEXIST
	enotdir      errno = abi.ENOTDIR
	eisdir       errno = abi.EISDIR
	einval       errno = abi.EINVAL
	efbig        errno = abi.EFBIG
	enospc       errno = abi.ENOSPC
	erofs        errno = abi.EROFS
	emlink       errno = abi.EMLINK
	enametoolong errno = abi.ENAMETOOLONG
	enotempty    errno = abi.ENOTEMPTY
	eloop        errno = abi.ELOOP
	enxio        errno = abi.ENXIO
	eagain       errno = abi.EAGAIN
	enolck       errno = abi.ENOLCK
	eoverflow    errno = abi.EOVERFLOW
)

// Open flags and types, as everywhere in Linux.
const (
	oAccMode   = 3
	oWronly    = 1
	oCreat     = 0x40
	oExcl      = 0x80
	oTrunc     = 0x200
	oDsync     = 0x1000 // O_SYNC has this bit too
	oDirectory = 0x10000
	oNofollow  = 0x20000
	oPath      = 0x200000

	modeType = 0o170000
	modeDir  = 0o040000
	modeReg  = 0o100000
	modeLink = 0o120000
)
