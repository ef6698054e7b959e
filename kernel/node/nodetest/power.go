//go:build !metal

package nodetest

import (
	"motile/kernel/hw"
	"motile/kernel/vm"
)

func init() {
	powerOn = func() {
		hw.Reboot()
		vm.Init()
	}
}
