package ip

import (
	"encoding/binary"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"motile/kernel/abi"
)

// Levels and options (socket(7), ip(7), tcp(7)).
const (
	solIP     = 0
	solSocket = 1
	solTCP    = 6

	soReuseAddr  = 2
	soType       = 3
	soError      = 4
	soBroadcast  = 6
	soSndBuf     = 7
	soRcvBuf     = 8
	soKeepAlive  = 9
	soLinger     = 13
	soReusePort  = 15
	soRcvTimeo   = 20
	soSndTimeo   = 21
	soAcceptConn = 30
	soProtocol   = 38
	soDomain     = 39

	ipTOS     = 1
	ipTTL     = 2
	ipRecvErr = 11

	tcpNoDelay      = 1
	tcpMaxSeg       = 2
	tcpCork         = 3
	tcpKeepIdle     = 4
	tcpKeepInterval = 5
	tcpKeepCount    = 6
	tcpSynCount     = 7
	tcpDeferAccept  = 9
	tcpQuickAck     = 12
	tcpUserTimeout  = 18
)

// setOption is setsockopt(2). Preconditions: k.mu is held.
func (k *socket) setOption(level, name int, value []byte) int {
	if len(value) < 4 {
		return abi.EINVAL
	}
	v := int(int32(binary.LittleEndian.Uint32(value)))
	o := k.ep.SocketOptions()
	switch {
	case level == solSocket && (name == soRcvTimeo || name == soSndTimeo):
		for _, b := range value {
			if b != 0 {
				return abi.ENOPROTOOPT // what waits, waits at its node
			}
		}
	case level == solSocket && name == soLinger:
		if len(value) < 8 {
			return abi.EINVAL
		}
		seconds := binary.LittleEndian.Uint32(value[4:])
		o.SetLinger(tcpip.LingerOption{Enabled: v != 0, Timeout: time.Duration(seconds) * time.Second})
	case level == solSocket:
		return k.setSocketOption(o, name, v)
	case level == solIP && name == ipTOS:
		return errno(k.ep.SetSockOptInt(tcpip.IPv4TOSOption, v))
	case level == solIP && name == ipTTL:
		return errno(k.ep.SetSockOptInt(tcpip.IPv4TTLOption, v))
	case level == solIP && name == ipRecvErr:
		o.SetIPv4RecvError(v != 0)
	case level == solTCP && k.transport == tcp.ProtocolNumber:
		return k.setTCPOption(o, name, v)
	default:
		return abi.ENOPROTOOPT
	}
	return 0
}

func (k *socket) setSocketOption(o *tcpip.SocketOptions, name, v int) int {
	switch name {
	case soReuseAddr:
		o.SetReuseAddress(v != 0)
	case soReusePort:
		o.SetReusePort(v != 0)
	case soBroadcast:
		o.SetBroadcast(v != 0)
	case soKeepAlive:
		o.SetKeepAlive(v != 0)
	case soSndBuf:
		low, high := o.SendBufferLimits()
		o.SetSendBufferSize(min(max(2*int64(v), low), high), true)
	case soRcvBuf:
		low, high := o.ReceiveBufferLimits()
		o.SetReceiveBufferSize(min(max(2*int64(v), low), high), true)
	default:
		return abi.ENOPROTOOPT
	}
	return 0
}

func (k *socket) setTCPOption(o *tcpip.SocketOptions, name, v int) int {
	seconds := time.Duration(v) * time.Second
	switch name {
	case tcpNoDelay:
		o.SetDelayOption(v == 0)
	case tcpCork:
		o.SetCorkOption(v != 0)
	case tcpQuickAck:
		o.SetQuickAck(v != 0)
	case tcpMaxSeg:
		return errno(k.ep.SetSockOptInt(tcpip.MaxSegOption, v))
	case tcpKeepCount:
		return errno(k.ep.SetSockOptInt(tcpip.KeepaliveCountOption, v))
	case tcpSynCount:
		return errno(k.ep.SetSockOptInt(tcpip.TCPSynCountOption, v))
	case tcpKeepIdle:
		d := tcpip.KeepaliveIdleOption(seconds)
		return errno(k.ep.SetSockOpt(&d))
	case tcpKeepInterval:
		d := tcpip.KeepaliveIntervalOption(seconds)
		return errno(k.ep.SetSockOpt(&d))
	case tcpDeferAccept:
		d := tcpip.TCPDeferAcceptOption(seconds)
		return errno(k.ep.SetSockOpt(&d))
	case tcpUserTimeout:
		d := tcpip.TCPUserTimeoutOption(time.Duration(v) * time.Millisecond)
		return errno(k.ep.SetSockOpt(&d))
	default:
		return abi.ENOPROTOOPT
	}
	return 0
}

// option is getsockopt(2). Preconditions: k.mu is held.
func (k *socket) option(level, name int) (value []byte, e int) {
	o := k.ep.SocketOptions()
	var v int
	var err tcpip.Error
	switch {
	case level == solSocket && name == soLinger:
		l := o.GetLinger()
		b := binary.LittleEndian.AppendUint32(nil, uint32(number(l.Enabled)))
		return binary.LittleEndian.AppendUint32(b, uint32(l.Timeout/time.Second)), 0
	case level == solSocket && (name == soRcvTimeo || name == soSndTimeo):
		return make([]byte, 16), 0
	case level == solSocket:
		var ok bool
		if v, ok = k.socketOption(o, name); !ok {
			return nil, abi.ENOPROTOOPT
		}
	case level == solIP && name == ipTOS:
		v, err = k.ep.GetSockOptInt(tcpip.IPv4TOSOption)
	case level == solIP && name == ipTTL:
		v, err = k.ep.GetSockOptInt(tcpip.IPv4TTLOption)
	case level == solTCP && k.transport == tcp.ProtocolNumber:
		v, err = k.tcpOption(o, name)
	default:
		return nil, abi.ENOPROTOOPT
	}
	if err != nil {
		return nil, errno(err)
	}
	return binary.LittleEndian.AppendUint32(nil, uint32(v)), 0
}

func number(v bool) int {
	if v {
		return 1
	}
	return 0
}

func (k *socket) socketOption(o *tcpip.SocketOptions, name int) (v int, ok bool) {
	switch name {
	case soReuseAddr:
		return number(o.GetReuseAddress()), true
	case soReusePort:
		return number(o.GetReusePort()), true
	case soBroadcast:
		return number(o.GetBroadcast()), true
	case soKeepAlive:
		return number(o.GetKeepAlive()), true
	case soSndBuf:
		return int(o.GetSendBufferSize()), true
	case soRcvBuf:
		return int(o.GetReceiveBufferSize()), true
	case soAcceptConn:
		return number(o.GetAcceptConn()), true
	case soError:
		return errno(k.ep.LastError()), true
	case soDomain:
		return afInet, true
	case soProtocol:
		return int(k.transport), true
	case soType:
		if k.transport == tcp.ProtocolNumber {
			return sockStream, true
		}
		return sockDgram, true
	}
	return 0, false
}

func (k *socket) tcpOption(o *tcpip.SocketOptions, name int) (v int, err tcpip.Error) {
	switch name {
	case tcpNoDelay:
		return number(!o.GetDelayOption()), nil
	case tcpCork:
		return number(o.GetCorkOption()), nil
	case tcpQuickAck:
		return number(o.GetQuickAck()), nil
	case tcpMaxSeg:
		return k.ep.GetSockOptInt(tcpip.MaxSegOption)
	case tcpKeepCount:
		return k.ep.GetSockOptInt(tcpip.KeepaliveCountOption)
	case tcpKeepIdle:
		var d tcpip.KeepaliveIdleOption
		err = k.ep.GetSockOpt(&d)
		return int(time.Duration(d) / time.Second), err
	case tcpKeepInterval:
		var d tcpip.KeepaliveIntervalOption
		err = k.ep.GetSockOpt(&d)
		return int(time.Duration(d) / time.Second), err
	}
	return 0, &tcpip.ErrUnknownProtocolOption{}
}
