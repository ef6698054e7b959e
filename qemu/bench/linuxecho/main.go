package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

const (
	etherType = 0x88b5 // for local experiments
	frameSize = 64
	card      = "eth0"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("linuxecho:", err)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) // returning would be a kernel panic
}

func run() error {
	if err := loadModules(); err != nil {
		return err
	}
	if os.Getenv("role") == "web" {
		return web()
	}
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	s, mac, err := open()
	if err != nil {
		return err
	}
	if os.Getenv("role") == "echo" {
		fmt.Println("linuxecho: ready")
		return s.echo()
	}
	peer, err := net.ParseMAC(os.Getenv("peer"))
	if err != nil {
		return err
	}
	fmt.Println("linuxecho: ready")
	frame := make([]byte, frameSize)
	copy(frame, peer)
	copy(frame[6:], mac)
	binary.BigEndian.PutUint16(frame[12:], etherType)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var n int
		if _, err := fmt.Sscan(in.Text(), &n); err != nil {
			continue
		}
		if err := s.ping(frame, n); err != nil {
			return err
		}
	}
	return in.Err()
}

// loadModules loads the drivers: the names of their files say in what order.
func loadModules() error {
	files, err := filepath.Glob("/modules/*.ko")
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f.Close()
	}
	return nil
}

// open brings the card up.
func open() (socket, net.HardwareAddr, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(swap16(etherType)))
	if err != nil {
		return 0, nil, err
	}
	ifi, err := net.InterfaceByName(card)
	if err != nil {
		return 0, nil, err
	}
	if err := up(fd); err != nil {
		return 0, nil, err
	}
	to := &unix.SockaddrLinklayer{Protocol: swap16(etherType), Ifindex: ifi.Index}
	return socket(fd), ifi.HardwareAddr, unix.Bind(fd, to)
}

// up switches the card on.
func up(fd int) error {
	req, err := unix.NewIfreq(card)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

func swap16(v uint16) uint16 { return v<<8 | v>>8 }

func (s socket) send(b []byte) error        { _, err := s.call(unix.SYS_SENDTO, b); return err }
func (s socket) recv(b []byte) (int, error) { return s.call(unix.SYS_RECVFROM, b) }

// echo sends back what comes.
func (s socket) echo() error {
	buf := make([]byte, 2048)
	for {
		n, err := s.recv(buf)
		if err != nil {
			return err
		}
		var from [6]byte
		copy(from[:], buf[6:])
		copy(buf[6:12], buf[:6])
		copy(buf, from[:])
		if err := s.send(buf[:n]); err != nil {
			return err
		}
	}
}

// ping exchanges n frames.
func (s socket) ping(frame []byte, n int) error {
	buf := make([]byte, 2048)
	took := make([]time.Duration, n)
	start := time.Now()
	for i := range took {
		if err := s.send(frame); err != nil {
			return err
		}
		if _, err := s.recv(buf); err != nil {
			return err
		}
		took[i] = time.Since(start)
		start = start.Add(took[i])
	}
	var out bytes.Buffer
	out.WriteString("begin\n")
	for _, t := range took {
		fmt.Fprintln(&out, t.Nanoseconds())
	}
	out.WriteString("end\n")
	_, err := os.Stdout.Write(out.Bytes())
	return err
}
