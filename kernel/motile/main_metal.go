//go:build metal

package main

import (
	"motile/boot/rt"
	"motile/kernel/hw"
	"motile/kernel/vm"
)

// main is the boot as a list.
func main() {
	n := new(node)
	defer n.panicked()
	hw.InitSerial()
	n.readBoot()
	n.initMemory()
	vm.Init()
	n.initClock()
	n.initEntropy()
	n.initTable()
	n.initConsole()
	n.initFiles()
	n.initInterrupts()
	n.log("motile: node %d ready, %d MB, %d ms", n.number,
		hw.Stats().Total*hw.PageSize>>20, hw.Now()/1e6)
	n.startShell()
	n.run()
}

// readBoot takes the command line apart.
func (n *node) readBoot() {
	n.params = parseParams(string(physical(rt.Boot.CommandLine)))
	n.number = n.params.number("node", 1)
}
