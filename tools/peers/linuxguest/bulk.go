package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"motile/tools/peers/orders"
)

// chunk is how much is written and read at once: as much as there is at hand.
const chunk = 256 << 10

// bulk sends messages and waits for the answer to each. A long one measures what a
// stream carries.
func bulk(peer string, size, n int) error {
	s, err := connect("tcp", peer, orders.SinkPort)
	if err != nil {
		return err
	}
	if err := s.send(binary.BigEndian.AppendUint64(nil, uint64(size))); err != nil {
		return err
	}
	buf := make([]byte, min(size, chunk))
	for i := range buf {
		buf[i] = 'b' // no page that is not there yet
	}
	return each(n, 2, func() error {
		for left := size; left > 0; left -= min(left, len(buf)) {
			if err := s.send(buf[:min(left, len(buf))]); err != nil {
				return err
			}
		}
		return s.recv(make([]byte, 1))
	})
}

// sink takes messages, whose size every connection says first.
func sink() error {
	buf := make([]byte, chunk)
	return served(orders.SinkPort, func(s raw) error {
		head := make([]byte, 8)
		if err := s.recv(head); err != nil {
			return err
		}
		for {
			for left := int(binary.BigEndian.Uint64(head)); left > 0; {
				n, err := s.call(unix.SYS_READ, buf[:min(left, len(buf))])
				if err != nil {
					return err
				}
				left -= n
			}
			if err := s.send(buf[:1]); err != nil {
				return err
			}
		}
	})
}
