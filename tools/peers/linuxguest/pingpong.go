package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"motile/tools/peers/orders"
)

const warmUp = 20

// ping exchanges messages with an echo and prints how long each took there and back.
func ping(kind, peer string, size, n int) error {
	out, in, err := toEcho(kind, peer, size)
	if err != nil {
		return err
	}
	message := make([]byte, size)
	return each(n, warmUp, func() error {
		if err := out.send(message); err != nil {
			return err
		}
		return in.recv(message)
	})
}

// each does something n times and prints how long it took, after some times that do
// not count.
func each(n, before int, one func() error) error {
	took := make([]time.Duration, n)
	for range before {
		if err := one(); err != nil {
			return err
		}
	}
	start := time.Now()
	for i := range took {
		if err := one(); err != nil {
			return err
		}
		took[i] = time.Since(start)
		start = start.Add(took[i])
	}
	w := bufio.NewWriter(os.Stdout)
	for _, t := range took {
		fmt.Fprintln(w, t.Nanoseconds())
	}
	return w.Flush()
}

// toEcho is the way to an echo and back: a connected socket, or two pipes of a
// process that is started for it.
func toEcho(kind, peer string, size int) (out, in raw, err error) {
	if kind == "pipe" {
		return pipes(size)
	}
	s, err := connect(kind, peer, orders.EchoPort)
	return s, s, err
}

func pipes(size int) (out, in raw, err error) {
	var there, back [2]int
	if err := unix.Pipe(there[:]); err != nil {
		return 0, 0, err
	}
	if err := unix.Pipe(back[:]); err != nil {
		return 0, 0, err
	}
	// Echoes end when the pipe to them does, so they must not have its other end.
	unix.CloseOnExec(there[1])
	unix.CloseOnExec(back[0])
	child := self("echo", "pipe", strconv.Itoa(size))
	child.Stdin, child.Stdout = os.NewFile(uintptr(there[0]), "there"), os.NewFile(uintptr(back[1]), "back")
	return raw(there[1]), raw(back[0]), child.Start()
}

// echo sends back what comes, in messages of a size.
func echo(kind string, size int) error {
	message := make([]byte, size)
	switch kind {
	case "pipe":
		return answer(1, 0, message)
	case "udp":
		s, err := bound(unix.SOCK_DGRAM, orders.EchoPort)
		if err != nil {
			return err
		}
		fmt.Println("listens")
		// The first who asks is the only one: the other guest, always from the same port.
		_, from, err := unix.Recvfrom(s, message, unix.MSG_PEEK)
		if err != nil {
			return err
		}
		if err := unix.Connect(s, from); err != nil {
			return err
		}
		return answer(raw(s), raw(s), message)
	}
	return served(orders.EchoPort, func(s raw) error { return answer(s, s, message) })
}

func answer(out, in raw, message []byte) error {
	for {
		if err := in.recv(message); err != nil {
			return err
		}
		if err := out.send(message); err != nil {
			return err
		}
	}
}
