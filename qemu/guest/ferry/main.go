package main

import (
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

// carry is the server's command. Offset is the checksum of the data, both ways.
const carry = std.PrivateFirst

func main() {
	if len(os.Args) < 4 {
		usage()
	}
	var port capability.Port
	copy(port[:], os.Args[2])
	size, err := strconv.Atoi(os.Args[3])
	if err != nil {
		usage()
	}
	switch {
	case os.Args[1] == "serve":
		serve(port, size)
	case os.Args[1] == "call" && len(os.Args) == 5:
		times, err := strconv.Atoi(os.Args[4])
		if err != nil {
			usage()
		}
		call(port.Put(), size, times)
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: ferry serve NAME BYTES | ferry call NAME BYTES TIMES")
	os.Exit(2)
}

func serve(port capability.Port, size int) {
	runtime.LockOSThread()
	buf := make([]byte, size)
	fmt.Println("serving")
	for {
		var h std.Header
		n, err := lib.GetReq(port, &h, buf)
		if err != nil {
			fmt.Println("getreq:", err)
			continue
		}
		reply := std.Header{}
		if sum(buf[:n]) != h.Offset {
			fmt.Printf("damaged: %d bytes\n", n)
			reply.SetStatus(std.ArgBad)
		}
		for i := range buf[:n] {
			buf[i] ^= 0x5a
		}
		reply.Offset = sum(buf[:n])
		if err := lib.PutRep(&reply, buf[:n]); err != nil {
			fmt.Println("putrep:", err)
		}
	}
}

func call(put capability.Port, size, times int) {
	buf := make([]byte, size)
	for i := range buf {
		buf[i] = byte(i ^ i>>8 ^ i>>16)
	}
	failed := 0
	for i := range times {
		want := crc32.NewIEEE()
		flipped := make([]byte, 4096)
		for rest := buf; len(rest) > 0; {
			n := copy(flipped, rest)
			for k := range flipped[:n] {
				flipped[k] ^= 0x5a
			}
			want.Write(flipped[:n])
			rest = rest[n:]
		}
		fmt.Println("crossing", i)
		h := std.Header{Port: put, Command: carry, Offset: sum(buf)}
		n, err := lib.Trans(&h, buf, buf)
		if err != nil || h.Status() != std.OK || n != size || h.Offset != uint64(want.Sum32()) || sum(buf) != h.Offset {
			failed++
			fmt.Printf("call %d: %v, %v, %d bytes\n", i, err, h.Status(), n)
		}
	}
	fmt.Printf("calls %d failed %d\n", times, failed)
}

func sum(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) }
