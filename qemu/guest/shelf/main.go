package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/ipc/std/service"
	"motile/servers/lib"
)

const (
	lifetime = 3 // ages
	room     = 4096
)

// Rights to a text.
const (
	read capability.Rights = 1 << iota
	write
	admin // of the whole shelf
)

func needs(command uint32) capability.Rights {
	switch command {
	case std.Touch:
		return 0
	case std.Info, std.Stat, std.GetParams:
		return read
	case std.Copy, std.SetParams, std.Destroy:
		return read | write
	}
	return admin
}

func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: shelf TEXT...")
		os.Exit(2)
	}
	get := capability.NewPort(random)
	texts := &service.Store[string]{Port: get.Put(), Random: random, Lifetime: lifetime}
	limit := 10
	type text = *service.Object[string]
	s := &service.Service[text]{
		Find: texts.Find, Needs: needs, Touch: texts.Touch,
		Info:    func(o text) string { return o.Value },
		Status:  func(text) string { return fmt.Sprintf("texts %d\n", texts.Len()) },
		Age:     func() { texts.Age() },
		Destroy: func(o text) std.Status { texts.Delete(o); return std.OK },
		Copy: func(o text) (capability.Capability, std.Status) {
			if texts.Len() >= limit {
				return capability.Capability{}, std.NoSpace
			}
			return texts.Create(o.Value), std.OK
		},
		Params: func(text) []service.Param {
			return []service.Param{{Name: "limit", Type: "integer", Description: "how many texts there may be",
				Get: func() string { return strconv.Itoa(limit) },
				Parse: func(v string) (func(), bool) {
					n, err := strconv.Atoi(v)
					return func() { limit = n }, err == nil && n >= 0
				}}}
		},
		Refused: func(c capability.Capability, command uint32, st std.Status) {
			fmt.Printf("refused: command %d for object %d: %v\n", command, c.Object, st)
		},
	}
	for _, t := range os.Args[1:] {
		fmt.Println(texts.Create(t))
	}
	err := lib.ServeObjects(get, room, s, func(_ text, h *std.Header, _ []byte) []byte {
		*h = std.Header{}
		h.SetStatus(std.ComBad)
		return nil
	})
	fmt.Println("shelf:", err)
	os.Exit(1)
}
