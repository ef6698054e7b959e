package main

import (
	"fmt"
	"os"

	"motile/qemu/guest/go-exec"
	"motile/qemu/guest/go-notify"
	"motile/qemu/guest/go-select"
	"motile/qemu/guest/goroutines"
	"motile/qemu/guest/group-member"
	"motile/qemu/guest/raw-flip"
	"motile/qemu/guest/rpc-server"
)

var features = map[string]func(words []string) error{
	goexec.Name:      goexec.Run,
	gonotify.Name:    gonotify.Run,
	goselect.Name:    goselect.Run,
	goroutines.Name:  goroutines.Run,
	groupmember.Name: groupmember.Run,
	rawflip.Name:     rawflip.Run,
	rpcserver.Name:   rpcserver.Run,
}

func main() {
	if len(os.Args) < 2 || features[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gofeature NAME [WORDS]")
		os.Exit(2)
	}
	if err := features[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	fmt.Println("pass")
}
