package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("diskio:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: diskio write|check NODE SEED COUNT | bad NODE")

func run(args []string) error {
	var n [3]int
	if len(args) < 2 {
		return errUsage
	}
	for i, a := range args[1:] {
		v, err := strconv.Atoi(a)
		if err != nil || i == len(n) {
			return errUsage
		}
		n[i] = v
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	disk := key.ServiceCap("disk", n[0])
	switch {
	case args[0] == "bad" && len(args) == 2:
		return bad(disk)
	case args[0] == "write" && len(args) == 4:
		err = writeAll(disk, n[1], n[2])
	case args[0] == "check" && len(args) == 4:
		err = each(n[2], func(i int) error { return check(disk, n[1], i) })
	default:
		return errUsage
	}
	if err == nil {
		fmt.Printf("diskio: %s: %d requests done\n", args[0], n[2])
	}
	return err
}

// ask makes a request, and wants it to succeed.
func ask(disk capability.Capability, h std.Header, data []byte) (std.Header, []byte, error) {
	h.SetCapability(disk)
	command, reply := h.Command, make([]byte, std.DiskMost*std.DiskBlock)
	n, err := lib.Trans(&h, data, reply)
	if err == nil && h.Status() != std.OK {
		err = h.Status()
	}
	if err != nil {
		err = fmt.Errorf("command %d: %w", command, err)
	}
	return h, reply[:n], err
}

// threads is how many requests are under way: more than a device takes.
const threads = 12

// each does something for the numbers below n.
func each(n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, threads)
	for t := range threads {
		all.Go(func() {
			for i := t; i < n && errs[t] == nil; i += threads {
				errs[t] = do(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// What request i of a seed is about: each has a place of its own, of this many blocks.
const place = std.DiskMost

func piece(seed, i int) (block uint64, data []byte) {
	rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
	data = make([]byte, (1+rng.IntN(place))*std.DiskBlock)
	for k := range data {
		data[k] = byte(rng.Uint32())
	}
	return uint64(i * place), data
}

func writeAll(disk capability.Capability, seed, count int) error {
	claim, err := claimed(disk)
	if err != nil {
		return err
	}
	err = each(count, func(i int) error {
		block, data := piece(seed, i)
		_, _, err := ask(disk, std.Header{Command: std.DiskWrite, Offset: block, Size: uint32(len(data) / std.DiskBlock), Extra: claim}, data)
		return err
	})
	if err == nil {
		_, _, err = ask(disk, std.Header{Command: std.DiskSync, Extra: claim}, nil)
	}
	return err
}

// claimed is what says that it is we who write.
func claimed(disk capability.Capability) (uint32, error) {
	h, _, err := ask(disk, std.Header{Command: std.DiskClaim}, nil)
	return h.Extra, err
}

func check(disk capability.Capability, seed, i int) error {
	block, want := piece(seed, i)
	_, got, err := ask(disk, std.Header{Command: std.DiskRead, Offset: block, Size: uint32(len(want) / std.DiskBlock)}, nil)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("block %d: not what was written", block)
	}
	return err
}

func bad(disk capability.Capability) error {
	h, _, err := ask(disk, std.Header{Command: std.DiskSize}, nil)
	if err != nil {
		return err
	}
	blocks, one := h.Offset, make([]byte, std.DiskBlock)
	former, err := claimed(disk)
	if err != nil {
		return err
	}
	if _, err = claimed(disk); err != nil {
		return err
	}
	weak, _ := capability.Restrict(disk, std.DiskRgtRead)
	forged := weak
	forged.Rights = capability.AllRights
	for _, c := range []struct {
		cap  capability.Capability
		h    std.Header
		data []byte
		want std.Status
	}{
		{disk, std.Header{Command: std.DiskRead, Offset: blocks, Size: 1}, nil, std.ArgBad},
		{disk, std.Header{Command: std.DiskRead, Offset: blocks - 1, Size: 2}, nil, std.ArgBad},
		{disk, std.Header{Command: std.DiskRead, Offset: 1 << 63, Size: 1}, nil, std.ArgBad},
		{disk, std.Header{Command: std.DiskRead, Size: 0}, nil, std.ArgBad},
		{disk, std.Header{Command: std.DiskRead, Size: std.DiskMost + 1}, nil, std.ArgBad},
		{disk, std.Header{Command: std.DiskRead, Size: 1<<32 - 1}, nil, std.ArgBad},
		{disk, std.Header{Command: std.DiskWrite, Size: 2}, one, std.ArgBad},
		{disk, std.Header{Command: std.DiskWrite, Size: 1}, one[:100], std.ArgBad},
		{disk, std.Header{Command: std.DiskWrite, Offset: blocks, Size: 1}, one, std.ArgBad},
		{disk, std.Header{Command: std.BulletCreate}, one, std.ComBad},
		{weak, std.Header{Command: std.DiskWrite, Size: 1}, one, std.Denied},
		{weak, std.Header{Command: std.DiskSync}, nil, std.Denied},
		{weak, std.Header{Command: std.DiskClaim}, nil, std.Denied},
		{disk, std.Header{Command: std.DiskWrite, Size: 1, Extra: former}, one, std.Denied},
		{disk, std.Header{Command: std.DiskSync, Extra: former}, nil, std.Denied},
		{forged, std.Header{Command: std.DiskRead, Size: 1}, nil, std.CapBad},
		{disk, std.Header{Command: std.DiskRead, Offset: blocks - 1, Size: 1}, nil, std.OK},
	} {
		_, _, err := ask(c.cap, c.h, c.data)
		if got := std.OK; errors.As(err, &got) || err == nil {
			if got != c.want {
				return fmt.Errorf("command %d of %d blocks at %#x: %v, want %v", c.h.Command, c.h.Size, c.h.Offset, got, c.want)
			}
		} else {
			return err
		}
	}
	fmt.Printf("diskio: all refused, of %d blocks\n", blocks)
	return nil
}
