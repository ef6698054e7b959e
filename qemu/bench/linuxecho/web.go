package main

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// web gives the card its address and becomes the web server.
func web() error {
	prefix, err := netip.ParsePrefix(os.Getenv("addr"))
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	addr, mask := prefix.Addr().As4(), net.CIDRMask(prefix.Bits(), 32)
	err = errors.Join(
		inet(fd, unix.SIOCSIFADDR, addr[:]), inet(fd, unix.SIOCSIFNETMASK, mask),
		up(fd), unix.Close(fd))
	if err != nil {
		return err
	}
	os.Stdout.WriteString("linuxecho: ready\n")
	return unix.Exec("/webserver", []string{"webserver", ":80"}, nil)
}

// inet sets something of the card that is an IPv4 address.
func inet(fd int, what uint, value []byte) error {
	req, err := unix.NewIfreq(card)
	if err != nil {
		return err
	}
	if err := req.SetInet4Addr(value); err != nil {
		return err
	}
	return unix.IoctlIfreq(fd, what, req)
}
