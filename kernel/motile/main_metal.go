//go:build metal

package main

import (
	"motile/boot/rt"
	"motile/kernel/hw"
	"motile/kernel/vm"
)

// main is the boot as a list.
func main() {
	m := new(machine)
	defer m.panicked()
	hw.InitSerial()
	m.params = parseParams(string(physical(rt.Boot.CommandLine)))
	m.initMemory()
	vm.Init()
	m.initClock()
	errs := m.initDevices()
	m.loadArchive()
	m.initNode()
	m.initConsole()
	m.node.Devices(m.console)
	for _, err := range errs {
		m.node.Log("motile: %v", err)
	}
	m.node.Log("motile: node %d ready, %d MB, %d networks, %d ms", m.node.Number,
		hw.Stats().Total*hw.PageSize>>20, len(m.nets), hw.Now()/1e6)
	m.startServers()
	m.startShell()
	m.node.Rehearse()
	if m.params["break"] != "" {
		breakDown(nil)
	}
	m.node.Run()
	hw.PowerOff()
}
