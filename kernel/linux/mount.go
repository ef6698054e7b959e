package linux

import (
	"strings"

	"motile/ipc/capability"
	"motile/kernel/abi"
	"motile/proc"
)

// mount(2), of directories of file servers: the source is the text of a capability.
// Mounts are the node's.

const mountType = "motile"

func sysMount(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	source, errno := k.text(t, c.Args[0])
	if errno != 0 {
		return errno
	}
	fstype, errno := k.text(t, c.Args[2])
	if errno != 0 {
		return errno
	}
	if fstype != mountType {
		return -abi.ENODEV
	}
	dir, err := capability.Parse(source)
	if err != nil || dir.Port.IsNull() {
		return -abi.EINVAL
	}
	n, b, errno := k.existing(t, atFDCWD, c.Args[1], true)
	switch {
	case errno != 0:
		return errno
	case b != nil:
		return -abi.EBUSY // a server's: there is one tree of mounts, the node's
	}
	return -int64(k.FS.Attach(n, dir))
}

func sysUmount(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	_, b, errno := k.existing(t, atFDCWD, c.Args[0], true)
	switch {
	case errno != 0:
		return errno
	case b == nil:
		return -abi.EINVAL
	}
	return -int64(k.FS.Detach(b))
}

// mounts is /proc/mounts.
func (k *Kernel) mounts() string {
	var b strings.Builder
	b.WriteString("root / ramfs rw 0 0\nproc /proc proc rw 0 0\n")
	paths, dirs := k.FS.Mounts()
	for i, path := range paths {
		// The capability is what is not for everybody to see: its port says which server.
		b.WriteString(dirs[i].Port.String() + " " + path + " " + mountType + " rw 0 0\n")
	}
	return b.String()
}
