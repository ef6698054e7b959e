//go:build metal

package main

import (
	"fmt"

	"motile/boot/rt"
	"motile/kernel/fs"
	"motile/kernel/hw"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/proc"
)

// print shows a line of the kernel's log on the serial port.
func (m *machine) print(line string) {
	line += "\r\n"
	if m.console != nil {
		m.console.Print(line)
		return
	}
	for i := range len(line) {
		hw.PanicByte(line[i])
	}
}

// initConsole makes the serial port a terminal.
func (m *machine) initConsole() {
	m.console = &object.TTY{
		Line: tty.New(), Rdev: object.Device(5, 1),
		Signal: func(pgrp int32, sig int) {
			m.node.SignalGroup(pgrp, proc.Info{Signo: int32(sig), Code: proc.SiKernel}, func(int) {})
		},
		Kick: m.transmit,
	}
	hw.EnableIRQ(hw.SerialIRQ)
}

// transmit feeds the serial port from the console's output.
func (m *machine) transmit() {
	p := m.console.Pending()
	sent := hw.SerialWrite(p)
	m.console.Sent(sent)
	hw.SerialNotify(len(p) > sent)
}

// serial handles the serial port's interrupt.
func (m *machine) serial() {
	var in [64]byte
	for more := true; more; {
		n := 0
		for n < len(in) {
			if in[n], more = hw.SerialRead(); !more {
				break
			}
			n++
		}
		m.console.Receive(in[:n])
	}
	m.transmit()
}

// loadArchive fills the file tree from the boot archive.
func (m *machine) loadArchive() {
	m.files = fs.New()
	if a := rt.Boot.Archive; a.End > a.Start {
		if err := m.files.Load(physical(a), a.Start); err != nil {
			panic(err)
		}
	}
}

// startServers runs the script that starts what programs belong to a node, if the command
// line asks for it. It is told what the node has.
func (m *machine) startServers() {
	if m.params["rc"] == "" {
		return
	}
	env := []string{"HOME=/root", "PATH=/bbin:/bin", fmt.Sprintf("NODE=%d", m.node.Number)}
	if m.disk != nil {
		env = append(env, fmt.Sprintf("DISK=%d", m.disk.Blocks()*512>>20))
	}
	if m.params["share"] != "" {
		env = append(env, "SHARE=1")
	}
	if m.outside != nil {
		env = append(env, "OUTSIDE=1")
	} else if m.params.number("ip", 0) == m.node.Number {
		env = append(env, "LOOPBACK=1")
	}
	if errno := m.node.Start("/bin/sh", []string{"sh", "/etc/motile/rc"}, env); errno != 0 {
		m.node.Log("motile: cannot run /etc/motile/rc: error %d", errno)
	}
}

// startShell runs a shell on the serial port, if the command line asks for one.
func (m *machine) startShell() {
	if m.params["shell"] != "serial" {
		return
	}
	f := object.NewFile(m.console, object.ORdwr, "/dev/console")
	env := []string{"HOME=/root", "TERM=linux", "PATH=/bin:/sbin:/usr/bin", "ENV=/etc/profile"}
	p, errno := m.node.K.Spawn("/bin/sh", []string{"-sh"}, env, []*object.File{f, f, f})
	f.Release()
	if errno != 0 {
		m.node.Log("motile: cannot start /bin/sh: error %d", errno)
		return
	}
	m.node.K.AdoptTerminal(p, f)
}
