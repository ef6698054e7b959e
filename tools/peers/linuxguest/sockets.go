package main

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// udpPort is the port that who pings has, so that an echo needs no addresses.
const udpPort = 4007

// connect is a blocking socket that is connected, without Nagle's algorithm.
func connect(kind, peer string, port int) (raw, error) {
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		return 0, err
	}
	var s int
	switch kind {
	case "udp":
		s, err = bound(unix.SOCK_DGRAM, udpPort)
	case "tcp":
		if s, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); err == nil {
			err = noDelay(s)
		}
	default:
		err = fmt.Errorf("there is no way to an echo of the kind %q", kind)
	}
	if err != nil {
		return 0, err
	}
	return raw(s), unix.Connect(s, &unix.SockaddrInet4{Port: port, Addr: addr.As4()})
}

// bound is a blocking socket with a port of ours.
func bound(kind, port int) (int, error) {
	s, err := unix.Socket(unix.AF_INET, kind, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	return s, unix.Bind(s, &unix.SockaddrInet4{Port: port})
}

func noDelay(s int) error { return unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

// served has one TCP connection after the other served, until there are none to be had.
// That one ends is no error.
func served(port int, serve func(raw) error) error {
	l, err := bound(unix.SOCK_STREAM, port)
	if err != nil {
		return err
	}
	if err := unix.Listen(l, 4); err != nil {
		return err
	}
	fmt.Println("listens")
	for {
		s, _, err := unix.Accept(l)
		if err != nil {
			return err
		}
		if err := noDelay(s); err != nil {
			return err
		}
		serve(raw(s))
		unix.Close(s)
	}
}
