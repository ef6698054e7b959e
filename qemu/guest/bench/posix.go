package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

var errPosixUsage = errors.New(`usage: bench posix DIR make N | fill BYTES | read N`)

// posix measures files as programs see them, by system calls. Each number is nanoseconds:
// for a file of 1 KB that is created, written, closed, looked at and removed, or for a file
// that is read from end to end. What is read is filled before, on this node or another.
func posix(args []string) error {
	if len(args) != 4 {
		return errPosixUsage
	}
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return errPosixUsage
	}
	switch name := filepath.Join(args[1], "bench.data"); args[2] {
	case "make":
		name := filepath.Join(args[1], fmt.Sprint("bench.", os.Getpid()))
		data := make([]byte, 1000)
		return rounds(1, n, func(int) error {
			for range perRound {
				if err := smallFile(name, data); err != nil {
					return err
				}
			}
			return nil
		})
	case "fill":
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i >> 8)
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		fmt.Println(n)
		return errors.Join(err, f.Sync(), f.Close())
	case "read":
		for range n {
			start := time.Now()
			if err := readThrough(name); err != nil {
				return err
			}
			fmt.Println(time.Since(start).Nanoseconds())
		}
		return nil
	}
	return errPosixUsage
}

// smallFile is a small file's life.
func smallFile(name string, data []byte) error {
	fd, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if n, err := syscall.Write(fd, data); err != nil || n < len(data) {
		return fmt.Errorf("%d of %d bytes written: %w", n, len(data), err)
	}
	if err := syscall.Close(fd); err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Stat(name, &st); err != nil || st.Size != int64(len(data)) {
		return fmt.Errorf("it has %d bytes, %v", st.Size, err)
	}
	return syscall.Unlink(name)
}

var window = make([]byte, 1<<20)

func readThrough(name string) error {
	fd, err := syscall.Open(name, syscall.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	for {
		n, err := syscall.Read(fd, window)
		switch {
		case err != nil:
			return err
		case n == 0:
			return nil
		}
	}
}
