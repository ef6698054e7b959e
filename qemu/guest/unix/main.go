package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "unix:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch words[0] {
	case "pair":
		return pair(words[1])
	case "echo":
		f := os.NewFile(3, "pair")
		_, err := io.Copy(f, f)
		return err
	case "serve":
		return serve(words[1])
	case "client":
		conn, err := net.Dial("unix", words[1])
		if err != nil {
			return err
		}
		defer conn.Close()
		return exchange(conn, words[2])
	}
	return fmt.Errorf("%q?", words)
}

func pair(seconds string) error {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	mine, its := os.NewFile(uintptr(fds[0]), "mine"), os.NewFile(uintptr(fds[1]), "its")
	child := exec.Command("/proc/self/exe", "echo")
	child.ExtraFiles, child.Stderr = []*os.File{its}, os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	its.Close()
	if err := exchange(mine, seconds); err != nil {
		return err
	}
	mine.Close()
	return child.Wait() // it has seen the end
}

func serve(name string) error {
	l, err := net.Listen("unix", name)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			io.Copy(conn, conn)
		}()
	}
}

// exchange sends numbers by a connection and wants each back, in order, once.
func exchange(conn io.ReadWriter, seconds string) error {
	s, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	const ahead = 100
	end := time.Now().Add(time.Duration(s) * time.Second)
	var sent, back uint64
	buf := make([]byte, 8)
	for time.Now().Before(end) || back < sent {
		if time.Now().Before(end) && sent < back+ahead {
			if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, sent)); err != nil {
				return fmt.Errorf("number %d: %w", sent, err)
			}
			sent++
			continue
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			return fmt.Errorf("number %d back: %w", back, err)
		}
		if got := binary.BigEndian.Uint64(buf); got != back {
			return fmt.Errorf("%d came back, want %d", got, back)
		}
		back++
	}
	fmt.Printf("%d numbers there and back\n", back)
	return nil
}
