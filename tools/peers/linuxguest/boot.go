package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"motile/tools/peers/orders"
)

const (
	card = "eth0"
	// echoBytes is the length of a message that is echoed: that of a null transaction's
	// header.
	echoBytes = 64
)

// initialize makes a guest of the machine and serves the console.
func initialize() error {
	console, err := takeConsole()
	if err != nil {
		return err
	}
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := loadModules("/modules"); err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(os.Getenv("addr"))
	if err != nil {
		return fmt.Errorf("the kernel's command line has no addr=ADDRESS/BITS: %w", err)
	}
	if err := networkUp(prefix); err != nil {
		return err
	}
	for _, server := range [][]string{{"echo", "udp", strconv.Itoa(echoBytes)}, {"echo", "tcp", strconv.Itoa(echoBytes)}, {"sink"}} {
		if err := startServer(self(server...)); err != nil {
			return err
		}
	}
	if os.Getenv("criu") != "" {
		if err := prepareCRIU(); err != nil {
			return err
		}
	}
	fmt.Println(orders.Ready)
	return serve(console)
}

// prepareCRIU makes a source and a target of moves of the guest.
func prepareCRIU() error {
	if err := loadModules("/modules.criu"); err != nil {
		return err
	}
	// Go reserves address space that it never uses; CRIU asks for it as memory.
	if err := os.WriteFile("/proc/sys/vm/overcommit_memory", []byte("1"), 0); err != nil {
		return err
	}
	// Each worker has an id of its own, and up to 32768 there are too few of them for a run.
	if err := os.WriteFile("/proc/sys/kernel/pid_max", []byte("4194304"), 0); err != nil {
		return err
	}
	if err := startService(); err != nil {
		return err
	}
	return serveTarget()
}

// startServer returns when the server can be asked.
func startServer(c *exec.Cmd) error {
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("%s: it ended at once", c)
	}
	return nil
}

// takeConsole has what comes from the console as it is, and not echoed.
func takeConsole() (*os.File, error) {
	t, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	t.Iflag &^= unix.ICRNL | unix.IXON
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return os.Stdin, unix.IoctlSetTermios(0, unix.TCSETS, t)
}

// loadModules loads drivers: the names of their files say in what order.
func loadModules(folder string) error {
	files, err := filepath.Glob(folder + "/*.ko")
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

// networkUp gives the card its address. Its MTU the device has said (host_mtu), and it
// must be the one that was meant.
func networkUp(prefix netip.Prefix) error {
	eth, err := net.InterfaceByName(card)
	if err != nil {
		return err
	}
	if want := os.Getenv("mtu"); strconv.Itoa(eth.MTU) != want {
		return fmt.Errorf("%s has an MTU of %d, and not of %s", card, eth.MTU, want)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	addr, mask := prefix.Addr().As4(), net.CIDRMask(prefix.Bits(), 32)
	return errors.Join(
		interfaceUp(fd, "lo"),
		set(fd, unix.SIOCSIFADDR, addr[:]), set(fd, unix.SIOCSIFNETMASK, mask),
		interfaceUp(fd, card))
}

// set sets something of the card that is an IPv4 address.
func set(fd int, what uint, value []byte) error {
	req, err := unix.NewIfreq(card)
	if err != nil {
		return err
	}
	if err := req.SetInet4Addr(value); err != nil {
		return err
	}
	return unix.IoctlIfreq(fd, what, req)
}

func interfaceUp(fd int, name string) error {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
