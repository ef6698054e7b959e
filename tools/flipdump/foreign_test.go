package main

import (
	"encoding/hex"
	"strings"
	"time"
)

// foreignFrame is a frame that is none of ours, in hex.
type foreignFrame string

func (f foreignFrame) bytes() []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(f)), ""))
	if err != nil {
		panic(err)
	}
	return b
}

func (foreignFrame) at() time.Time { return time.Unix(1_800_000_000, 0) }

var foreign = []foreignFrame{
	// ARP
	"ffffffffffff 5254004d0001 0806 0001 0800 06 04 0001 5254004d0001 0a000001 000000000000 0a000002" + "000000000000000000000000000000000000",
	// IPv6: neighbour solicitation
	"3333ff000002 5254004d0001 86dd 60000000 0018 3a ff fe800000000000000000000000000001 ff0200000000000000000000ff000002 8700 0000 00000000 fe800000000000000000000000000002",
	// Ethernet's configuration testing protocol, which the driver's echo is
	"5254004d0002 5254004d0001 9000 0000 0200 5254004d0001 0100 0000 00000000",
	// a type that nobody knows
	"5254004d0002 5254004d0001 88b5 00010203",
	// shorter than its header
	"5254004d0002 5254",
}
