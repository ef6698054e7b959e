package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/servers/lib"
)

// goodPacket does not move, as what is on a stack does.
var goodPacket [raw.PacketLen]byte

// flipPointer: the calls of raw FLIP refuse addresses that are not the program's, of the
// packet as of the message.
func flipPointer() {
	i, err := lib.FlipInit()
	if err == nil {
		_, err = i.Register(flip.Address{0xba, 0xd}, 0)
	}
	if err != nil {
		fmt.Println("flip:", err)
		os.Exit(1)
	}
	(&raw.Packet{Address: flip.Address{1}, Endpoint: 1}).Put(&goodPacket)
	good := uintptr(unsafe.Pointer(&goodPacket))
	for _, a := range []uintptr{0xffffffff80200000, 0xffff800000100000, 0x0000800000000000, 0x7ffffffff000, 0, ^uintptr(0)} {
		for _, c := range [][5]uintptr{
			{abi.SysFlipRegister, a}, {abi.SysFlipUnicast, a, good, 8}, {abi.SysFlipUnicast, good, a, 8},
			{abi.SysFlipUnicast, good, a, 4000}, {abi.SysFlipBroadcast, good, a, 8, 3}, {abi.SysFlipMulticast, a, good, 8},
		} {
			_, _, e := syscall.Syscall6(c[0], 0, c[1], c[2], c[3], c[4], 0)
			if -int32(e) != int32(std.RPCBadAddress) {
				fmt.Printf("call %#x at %#x: %v\n", c[0], a, e)
				os.Exit(1)
			}
		}
	}
	os.Exit(7)
}
