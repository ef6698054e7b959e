package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"time"

	"motile/kernel/abi"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/byhand"
	"motile/servers/lib"
)

const (
	textAt  = 0x400000
	dataAt  = 0x600000
	countAt = dataAt      // 4 bytes: how many lines are to be written
	pauseAt = dataAt + 16 // struct timespec
	lineAt  = dataAt + 64
	stackAt = 0x7fff_0000

	line  = "made by hand\n"
	other = "made anew   \n" // as long
	lines = 20
)

// code writes the line, sleeps, and does so again until the count is 0.
func code() []byte {
	c := call(abi.SysWrite, 1, lineAt, uint32(len(line)))
	c = append(c, call(abi.SysNanosleep, pauseAt, 0, 0)...)
	c = append(c, 0xff, 0x0c, 0x25) // dec dword [countAt]
	c = binary.LittleEndian.AppendUint32(c, countAt)
	c = append(c, 0x75, byte(-(len(c) + 2))) // jnz to the start
	return append(c, call(abi.SysExitGroup, 0, 0, 0)...)
}

// call is a system call with three arguments.
func call(nr, rdi, rsi, rdx uint32) (c []byte) {
	for _, r := range []struct {
		mov byte // of a constant into a register
		v   uint32
	}{{0xb8, nr}, {0xbf, rdi}, {0xbe, rsi}, {0xba, rdx}} {
		c = binary.LittleEndian.AppendUint32(append(c, r.mov), r.v)
	}
	return append(c, 0x0f, 0x05) // syscall
}

func program() *byhand.Program {
	data := make([]byte, 128)
	binary.LittleEndian.PutUint32(data, lines)
	binary.LittleEndian.PutUint64(data[pauseAt+8-dataAt:], 100e6)
	copy(data[lineAt-dataAt:], line)
	return &byhand.Program{
		Name: "teller",
		Parts: []byhand.Part{
			{Start: textAt, Size: abi.PageSize, Prot: 1 | 4, Bytes: code()},
			{Start: dataAt, Size: abi.PageSize, Prot: 1 | 2, Bytes: data},
			{Start: stackAt, Size: abi.PageSize, Prot: 1 | 2, Stack: true},
		},
		Registers: map[int]uint64{byhand.RegIP: textAt, byhand.RegSP: stackAt + abi.PageSize},
	}
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "byhand:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: byhand NODE")
	}
	node, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return err
	}
	text, err := os.ReadFile("/etc/motile/key")
	if err != nil {
		return err
	}
	key, err := api.ParseKey(string(text))
	if err != nil {
		return err
	}
	c := client.New(lib.Caller{}, key)
	pid, err := byhand.Start(ctx, c.Node(node), program())
	if err != nil {
		return err
	}
	fmt.Printf("process %d on node %d\n", pid, node)
	time.Sleep(500 * time.Millisecond) // it says the first lines
	if err := change(ctx, c, key, pid); err != nil {
		return err
	}
	status, err := c.Process(pid).Wait(ctx)
	if err != nil {
		return err
	}
	said, _, err := c.Process(pid).Log(ctx, 0, 64<<10, false)
	fmt.Printf("%sended with %d\n", said, status)
	return err
}

// change has the process say something else from now on.
func change(ctx context.Context, c *client.Client, key api.Key, pid int32) error {
	d, err := byhand.Attach(ctx, c, key, pid)
	if err != nil {
		return err
	}
	was := make([]byte, len(line))
	if err := d.Peek(ctx, lineAt, was); err != nil {
		return err
	}
	fmt.Printf("it says %q\n", was)
	if err := d.Poke(ctx, lineAt, []byte(other)); err != nil {
		return err
	}
	return d.Detach(ctx)
}
