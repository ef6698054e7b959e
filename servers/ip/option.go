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

	soReuseAddr   = 2
	soType        = 3
	soError       = 4
	soBroadcast   = 6
	soSndBuf      = 7
	soRcvBuf      = 8
	soKeepAlive   = 9
	soLinger      = 13
	soReusePort   = 15
	soRcvTimeo    = 20
	soSndTimeo    = 21
	soPassCred    = 16
	soPeerCred    = 17
	soAcceptConn  = 30
	soProtocol    = 38
	soDomain      = 39
	soRcvTimeoNew = 66
	soSndTimeoNew = 67

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

// optionValue is the number that most options are.
func optionValue(b []byte) (v int, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	return int(int32(binary.LittleEndian.Uint32(b))), true
}

// setOption is setsockopt(2).
func (e *netEnd) setOption(level, name int, value []byte) int {
	v, ok := optionValue(value)
	if !ok {
		return abi.EINVAL
	}
	o := e.ep.SocketOptions()
	switch {
	case level == solSocket && name == soLinger:
		if len(value) < 8 {
			return abi.EINVAL
		}
		seconds := binary.LittleEndian.Uint32(value[4:])
		o.SetLinger(tcpip.LingerOption{Enabled: v != 0, Timeout: time.Duration(seconds) * time.Second})
	case level == solSocket:
		return e.setSocketOption(o, name, v)
	case level == solIP && name == ipTOS:
		return errno(e.ep.SetSockOptInt(tcpip.IPv4TOSOption, v))
	case level == solIP && name == ipTTL:
		return errno(e.ep.SetSockOptInt(tcpip.IPv4TTLOption, v))
	case level == solIP && name == ipRecvErr:
		o.SetIPv4RecvError(v != 0)
	case level == solTCP && e.transport == tcp.ProtocolNumber:
		return e.setTCPOption(o, name, v)
	default:
		return abi.ENOPROTOOPT
	}
	return 0
}

func (e *netEnd) setSocketOption(o *tcpip.SocketOptions, name, v int) int {
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

func (e *netEnd) setTCPOption(o *tcpip.SocketOptions, name, v int) int {
	seconds := time.Duration(v) * time.Second
	switch name {
	case tcpNoDelay:
		o.SetDelayOption(v == 0)
	case tcpCork:
		o.SetCorkOption(v != 0)
	case tcpQuickAck:
		o.SetQuickAck(v != 0)
	case tcpMaxSeg:
		return errno(e.ep.SetSockOptInt(tcpip.MaxSegOption, v))
	case tcpKeepCount:
		return errno(e.ep.SetSockOptInt(tcpip.KeepaliveCountOption, v))
	case tcpSynCount:
		return errno(e.ep.SetSockOptInt(tcpip.TCPSynCountOption, v))
	case tcpKeepIdle:
		d := tcpip.KeepaliveIdleOption(seconds)
		return errno(e.ep.SetSockOpt(&d))
	case tcpKeepInterval:
		d := tcpip.KeepaliveIntervalOption(seconds)
		return errno(e.ep.SetSockOpt(&d))
	case tcpDeferAccept:
		d := tcpip.TCPDeferAcceptOption(seconds)
		return errno(e.ep.SetSockOpt(&d))
	case tcpUserTimeout:
		d := tcpip.TCPUserTimeoutOption(time.Duration(v) * time.Millisecond)
		return errno(e.ep.SetSockOpt(&d))
	default:
		return abi.ENOPROTOOPT
	}
	return 0
}

// option is getsockopt(2).
func (e *netEnd) option(level, name int) (value []byte, code int) {
	o := e.ep.SocketOptions()
	var v int
	var err tcpip.Error
	switch {
	case level == solSocket && name == soLinger:
		l := o.GetLinger()
		b := binary.LittleEndian.AppendUint32(nil, uint32(number(l.Enabled)))
		return binary.LittleEndian.AppendUint32(b, uint32(l.Timeout/time.Second)), 0
	case level == solSocket:
		var ok bool
		if v, ok = e.socketOption(o, name); !ok {
			return nil, abi.ENOPROTOOPT
		}
	case level == solIP && name == ipTOS:
		v, err = e.ep.GetSockOptInt(tcpip.IPv4TOSOption)
	case level == solIP && name == ipTTL:
		v, err = e.ep.GetSockOptInt(tcpip.IPv4TTLOption)
	case level == solTCP && e.transport == tcp.ProtocolNumber:
		v, err = e.tcpOption(o, name)
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

func (e *netEnd) socketOption(o *tcpip.SocketOptions, name int) (v int, ok bool) {
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
		return errno(e.ep.LastError()), true
	case soDomain:
		return afInet, true
	case soProtocol:
		return int(e.transport), true
	case soType:
		if e.transport == tcp.ProtocolNumber {
			return sockStream, true
		}
		return sockDgram, true
	}
	return 0, false
}

func (e *netEnd) tcpOption(o *tcpip.SocketOptions, name int) (v int, err tcpip.Error) {
	switch name {
	case tcpNoDelay:
		return number(!o.GetDelayOption()), nil
	case tcpCork:
		return number(o.GetCorkOption()), nil
	case tcpQuickAck:
		return number(o.GetQuickAck()), nil
	case tcpMaxSeg:
		return e.ep.GetSockOptInt(tcpip.MaxSegOption)
	case tcpKeepCount:
		return e.ep.GetSockOptInt(tcpip.KeepaliveCountOption)
	case tcpKeepIdle:
		var d tcpip.KeepaliveIdleOption
		err = e.ep.GetSockOpt(&d)
		return int(time.Duration(d) / time.Second), err
	case tcpKeepInterval:
		var d tcpip.KeepaliveIntervalOption
		err = e.ep.GetSockOpt(&d)
		return int(time.Duration(d) / time.Second), err
	}
	return 0, &tcpip.ErrUnknownProtocolOption{}
}
