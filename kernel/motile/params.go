package main

import (
	"strconv"
	"strings"
)

// params is the kernel's command line: words of the form key=value.
//
//	node=N        this node's number, 1 to 500
//	boot=N        how many times it was started before; new pids start above it
//	uptime=N      the monotonic clock starts at N seconds
//	disk=new      the disk is all zeros: nobody has ever written it
//	weights=N,…   what crossing the network of each card costs, 0: as much as an Ethernet
//	rc=1          run the script /etc/motile/rc, which starts servers
//	ip=N          node N has the TCP/IP server, and the card to the outside if there is one
//	share=1       the host serves a folder
//	shell=serial  run a shell on the serial port
//	strace=1      log every system call
//	break=1       when ready, do what a broken kernel does: for the test of what it says
type params map[string]string

func parseParams(line string) params {
	p := make(params)
	for word := range strings.FieldsSeq(line) {
		key, value, _ := strings.Cut(word, "=")
		p[key] = value
	}
	return p
}

// number returns a numeric parameter, or def if it is missing or not a number.
func (p params) number(key string, def int) int {
	if v, err := strconv.Atoi(p[key]); err == nil {
		return v
	}
	return def
}

// weights returns what each of so many cards' networks costs, 0 where nothing is said.
func (p params) weights(cards int) []uint8 {
	list := make([]uint8, cards)
	for i, word := range strings.Split(p["weights"], ",") {
		if v, err := strconv.ParseUint(word, 10, 8); err == nil && i < cards {
			list[i] = uint8(v)
		}
	}
	return list
}
