package ip

import (
	"encoding/binary"
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip"

	"motile/kernel/abi"
)

// Families (socket(2)).
const (
	afUnspec = 0
	afUnix   = 1
	afInet   = 2
)

const sockaddrLen = 16 // struct sockaddr_in

// decode reads a struct sockaddr_in.
func decode(b []byte) (a tcpip.FullAddress, errno int) {
	switch {
	case len(b) < 2:
		return a, abi.EINVAL
	case binary.LittleEndian.Uint16(b) != afInet:
		return a, abi.EAFNOSUPPORT
	case len(b) < 8:
		return a, abi.EINVAL
	}
	a.Port = binary.BigEndian.Uint16(b[2:])
	if v4 := [4]byte(b[4:8]); v4 != [4]byte{} {
		a.Addr = tcpip.AddrFrom4(v4)
	}
	return a, 0
}

// unspecified reports whether an address is AF_UNSPEC: connect(2) ends an association
// by that.
func unspecified(b []byte) bool { return len(b) >= 2 && binary.LittleEndian.Uint16(b) == afUnspec }

// encode makes a struct sockaddr_in.
func encode(a tcpip.FullAddress) []byte {
	b := make([]byte, sockaddrLen)
	binary.LittleEndian.PutUint16(b, afInet)
	binary.BigEndian.PutUint16(b[2:], a.Port)
	if a.Addr.Len() == 4 {
		v4 := a.Addr.As4()
		copy(b[4:], v4[:])
	}
	return b
}

// text is an address for people.
func text(a tcpip.FullAddress) string {
	host := "*"
	if a.Addr.Len() > 0 {
		host = a.Addr.String()
	}
	if a.Port == 0 {
		return host + ":*"
	}
	return fmt.Sprintf("%s:%d", host, a.Port)
}

// errno is Linux's number for an error of the stack's.
func errno(err tcpip.Error) int {
	switch err.(type) {
	case nil:
		return 0
	case *tcpip.ErrWouldBlock:
		return abi.EAGAIN
	case *tcpip.ErrConnectStarted:
		return abi.EINPROGRESS
	case *tcpip.ErrAlreadyConnecting:
		return abi.EALREADY
	case *tcpip.ErrAlreadyConnected:
		return abi.EISCONN
	case *tcpip.ErrNotConnected:
		return abi.ENOTCONN
	case *tcpip.ErrConnectionRefused:
		return abi.ECONNREFUSED
	case *tcpip.ErrConnectionReset:
		return abi.ECONNRESET
	case *tcpip.ErrConnectionAborted, *tcpip.ErrAborted:
		return abi.ECONNABORTED
	case *tcpip.ErrClosedForSend:
		return abi.EPIPE
	case *tcpip.ErrTimeout:
		return abi.ETIMEDOUT
	case *tcpip.ErrPortInUse:
		return abi.EADDRINUSE
	case *tcpip.ErrNoPortAvailable:
		return abi.EAGAIN
	case *tcpip.ErrBadLocalAddress:
		return abi.EADDRNOTAVAIL
	case *tcpip.ErrBadAddress:
		return abi.EFAULT
	case *tcpip.ErrNetworkUnreachable:
		return abi.ENETUNREACH
	case *tcpip.ErrHostUnreachable:
		return abi.EHOSTUNREACH
	case *tcpip.ErrHostDown:
		return abi.EHOSTDOWN
	case *tcpip.ErrDestinationRequired:
		return abi.EDESTADDRREQ
	case *tcpip.ErrMessageTooLong:
		return abi.EMSGSIZE
	case *tcpip.ErrNoBufferSpace:
		return abi.ENOBUFS
	case *tcpip.ErrBroadcastDisabled, *tcpip.ErrNotPermitted:
		return abi.EACCES
	case *tcpip.ErrUnknownProtocolOption:
		return abi.ENOPROTOOPT
	case *tcpip.ErrNotSupported, *tcpip.ErrQueueSizeNotSupported:
		return abi.EOPNOTSUPP
	case *tcpip.ErrUnknownDevice, *tcpip.ErrUnknownNICID:
		return abi.ENODEV
	case *tcpip.ErrAddressFamilyNotSupported:
		return abi.EAFNOSUPPORT
	}
	return abi.EINVAL
}
