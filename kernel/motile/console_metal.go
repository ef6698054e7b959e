//go:build metal

package main

import (
	"fmt"

	"motile/boot/rt"
	"motile/kernel/hw"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/proc"
)

const logSize = 64 << 10

// log writes a line to the kernel's log and to the serial port.
func (n *node) log(format string, args ...any) {
	line := fmt.Sprintf(format, args...) + "\r\n"
	n.logged = append(n.logged, line...)
	if len(n.logged) > logSize {
		n.logged = append(n.logged[:0], n.logged[len(n.logged)-logSize:]...)
	}
	if n.console != nil {
		n.console.Print(line)
		return
	}
	for i := range len(line) {
		hw.PanicByte(line[i])
	}
}

// initConsole makes the serial port a terminal.
func (n *node) initConsole() {
	n.console = &object.TTY{
		Line: tty.New(), Rdev: object.Device(5, 1),
		Signal: func(pgrp int32, sig int) {
			n.tab.SignalGroup(pgrp, proc.Info{Signo: int32(sig), Code: proc.SiKernel})
		},
		Kick: n.transmit,
	}
}

// transmit feeds the serial port from the console's output.
func (n *node) transmit() {
	p := n.console.Pending()
	sent := hw.SerialWrite(p)
	n.console.Sent(sent)
	hw.SerialNotify(len(p) > sent)
}

// serial handles the serial port's interrupt.
func (n *node) serial() {
	var in [64]byte
	k := 0
	for {
		b, ok := hw.SerialRead()
		if ok {
			in[k] = b
			k++
		}
		if k == len(in) || !ok {
			n.console.Receive(in[:k])
			k = 0
		}
		if !ok {
			break
		}
	}
	if len(n.console.Pending()) > 0 {
		n.transmit()
	} else {
		hw.SerialNotify(false)
	}
}

func (n *node) initInterrupts() {
	hw.EnableIRQ(hw.SerialIRQ)
}

// interrupts hands each device that interrupted to its driver.
func (n *node) interrupts(pending uint32) {
	if pending&(1<<hw.SerialIRQ) != 0 {
		n.serial()
	}
}

// initFiles fills the file tree: the boot archive, the devices, /proc.
func (n *node) initFiles() {
	a := rt.Boot.Archive
	if a.End > a.Start {
		if err := n.k.FS.Load(physical(a), a.Start); err != nil {
			panic(err)
		}
	}
	n.k.FS.Wall = n.tab.WallBase + n.tab.Now
	for _, dir := range []string{"/dev", "/tmp", "/proc", "/root"} {
		if pl, errno := n.k.FS.Lookup(n.k.FS.Root, dir, true); errno == 0 && pl.Node == nil && dir != "/proc" {
			n.k.FS.Mkdir(pl, 0o755)
		}
	}
	device := func(name string, mode uint32, impl object.Impl) {
		n.addDevice(name, mode, impl.Stat().Rdev, func() (object.Impl, int) { return impl, 0 })
	}
	device("/dev/null", 0o666, object.Null{})
	device("/dev/zero", 0o666, object.Zero{})
	device("/dev/full", 0o666, object.Full{})
	device("/dev/random", 0o666, object.Random{Fill: n.k.Random})
	device("/dev/urandom", 0o666, object.Random{Fill: n.k.Random})
	device("/dev/console", 0o600, n.console)
	n.addDevice("/dev/tty", 0o666, object.Device(5, 0), n.k.OpenTTY)
	n.k.MountProc()
}

func (n *node) addDevice(name string, mode uint32, rdev uint64, open func() (object.Impl, int)) {
	pl, errno := n.k.FS.Lookup(n.k.FS.Root, name, true)
	if errno == 0 {
		n.k.FS.Device(pl, mode, rdev, open)
	}
}

// startShell runs a shell on the serial port, if the command line asks for one.
func (n *node) startShell() {
	if n.params["shell"] != "serial" {
		return
	}
	f := object.NewFile(n.console, object.ORdwr, "/dev/console")
	env := []string{"HOME=/root", "TERM=linux", "PATH=/bin:/sbin:/usr/bin", "PS1=" + n.k.Name + "# ", "ENV=/etc/profile"}
	p, errno := n.k.Spawn("/bin/sh", []string{"-sh"}, env, []*object.File{f, f, f})
	f.Release()
	if errno != 0 {
		n.log("motile: cannot start /bin/sh: error %d", errno)
		return
	}
	n.k.AdoptTerminal(p, f)
}
