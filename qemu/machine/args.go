package machine

import (
	"fmt"
	"strings"
	"time"
)

// DebugExitPort is where the kernel ends QEMU with a status (exit.go).
const DebugExitPort = 0x501

// Args is the command line, without the program's name. The machine starts
// paused: Process.Start lets it run when the console is attached.
// Preconditions: Validate.
func (s Spec) Args(now time.Time) []string {
	s = s.withDefaults()
	args := []string{
		"-name", fmt.Sprintf("n%d", s.Node),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S",
		"-machine", s.machine(),
		"-accel", fmt.Sprintf("tcg,thread=single,tb-size=%d", s.TBSizeMB),
		"-cpu", s.CPU,
		"-smp", "1",
		"-m", fmt.Sprintf("%dM", s.MemMB),
		"-rtc", "base=" + s.rtcBase(now),
		"-kernel", s.Kernel,
	}
	if s.Initrd != "" {
		args = append(args, "-initrd", s.Initrd)
	}
	if s.Append != "" {
		args = append(args, "-append", s.Append)
	}
	args = append(args,
		"-chardev", fmt.Sprintf("socket,id=console,path=%s,server=on,wait=off,logfile=%s,logappend=on", quote(s.ConsoleSocket), quote(s.ConsoleLog)),
		"-serial", "chardev:console",
		"-chardev", fmt.Sprintf("socket,id=qmp,path=%s,server=on,wait=off", quote(s.QMPSocket)),
		"-mon", "chardev=qmp,mode=control",
		"-device", fmt.Sprintf("isa-debug-exit,iobase=%#x,iosize=4", DebugExitPort),
	)
	if s.GDBSocket != "" {
		args = append(args,
			"-chardev", fmt.Sprintf("socket,id=gdb,path=%s,server=on,wait=off", quote(s.GDBSocket)),
			"-gdb", "chardev:gdb")
	}
	if s.Incoming != "" {
		args = append(args, "-incoming", "unix:"+s.Incoming)
	}
	if s.Type == MicroVM {
		args = append(args, "-global", "virtio-mmio.force-legacy=false") // modern, as PCI
	}
	args = append(args, s.entropy()...)
	for i := range s.NICs {
		args = append(args, s.nic(i)...)
	}
	if s.Outside != nil {
		args = append(args, s.outside()...)
	}
	return append(args, s.disk()...)
}

// disk is the node's. The image is locked while QEMU has it. What the guest has written
// is in the host's page cache, and survives QEMU; a flush brings it to the host's disk.
func (s Spec) disk() []string {
	if s.Disk == "" {
		return nil
	}
	device := "virtio-blk-pci"
	if s.Type == MicroVM {
		device = "virtio-blk-device"
	}
	return []string{
		"-blockdev", "driver=raw,node-name=disk,file.driver=file,file.locking=on,file.filename=" + quote(s.Disk),
		"-device", device + ",drive=disk",
	}
}

func (s Spec) machine() string {
	if s.Type == MicroVM {
		// Without ACPI, QEMU tells the kernel where the virtio devices are by
		// its command line. rtc=on is TCG's default, and not KVM's.
		return "microvm,acpi=off,rtc=on"
	}
	return string(s.Type)
}

func (s Spec) rtcBase(now time.Time) string {
	if s.RTCOffset == 0 {
		return "utc"
	}
	return now.Add(s.RTCOffset).UTC().Format("2006-01-02T15:04:05")
}

func (s Spec) entropy() []string {
	device := "virtio-rng-pci"
	if s.Type == MicroVM {
		device = "virtio-rng-device"
	}
	return []string{
		"-object", "rng-random,id=entropy,filename=/dev/urandom",
		"-device", device + ",rng=entropy",
	}
}

func (s Spec) nic(i int) []string {
	n := s.NICs[i]
	common := fmt.Sprintf("netdev=net%d,mac=%s,host_mtu=%d", i, MAC(s.Node, i), n.MTU)
	args := []string{"-netdev", fmt.Sprintf("stream,id=net%d,server=off,addr.type=unix,addr.path=%s", i, quote(n.Socket))}
	if s.Type == MicroVM {
		return append(args, "-device", "virtio-net-device,"+common)
	}
	device := "virtio-net-pci,romfile=," // an empty romfile: iPXE costs seconds at every boot
	switch n.Virtio {
	case Modern:
		device += "disable-legacy=on,disable-modern=off,"
	case Legacy:
		device += "disable-legacy=off,disable-modern=on,"
	case Transitional:
		device += "disable-legacy=off,disable-modern=off,"
	}
	return append(args, "-device", device+common)
}

// outside is the card on QEMU's own network. Forwarded ports are the host's loopback's:
// whoever wants to offer them to others does so with his own tools.
func (s Spec) outside() []string {
	net := "user,id=outside,ipv6=off"
	for _, f := range s.Outside.Forwards {
		net += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", f.Host, f.Guest)
	}
	device := "virtio-net-pci,romfile=,"
	if s.Type == MicroVM {
		device = "virtio-net-device,"
	}
	return []string{"-netdev", net, "-device", device + "netdev=outside,mac=" + outsideMAC(s.Node)}
}

// quote protects a value in a list of QEMU options, where a comma ends it.
func quote(v string) string { return strings.ReplaceAll(v, ",", ",,") }

// CommandLine is the command as one would type it, for logs and reports.
func CommandLine(program string, args []string) string {
	words := []string{program}
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"$&|;<>()*?[]#~\\`") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
