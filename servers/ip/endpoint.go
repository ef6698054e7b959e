package ip

// An endpoint is what a socket does: one of the network's (netstack.go) or a local one
// (local.go). Addresses are struct sockaddrs, and errors Linux's numbers. Nothing of it
// waits: what cannot be done yet is EAGAIN, EINPROGRESS or EALREADY, and then the events
// that would change it do not hold.
type endpoint interface {
	// recv fills buf; size is that of the whole message.
	recv(buf []byte, flags uint32) (n, size int, from []byte, errno int)
	// send takes data, as much of it as there is room for; to may be empty.
	send(data, to []byte, flags uint32) (n int, errno int)
	bind(addr []byte) (errno int)
	listen(backlog int, pid uint32) (errno int)
	connect(addr []byte, pid uint32) (errno int)
	accept() (conn endpoint, from []byte, errno int)
	shutdown(how uint32) (errno int)
	name() (addr []byte, errno int)
	peerName() (addr []byte, errno int)
	setOption(level, name int, value []byte) (errno int)
	option(level, name int) (value []byte, errno int)
	// readable is how many bytes a recv would find.
	readable() (n int, errno int)
	// events are those of poll(2) that hold.
	events() uint32
	// notify has a function called whenever some of the events may hold that did not. It
	// must return at once, and ask nothing of the endpoint.
	notify(changed func(events uint32))
	close()
	// describe says what the endpoint is, for people.
	describe() description
}

// description is what a line about a socket has.
type description struct{ kind, local, remote, state string }

// shutdown(2)'s.
const (
	shutRead  = 0
	shutWrite = 1
	shutBoth  = 2
)

// Flags of send(2) and recv(2).
const (
	msgOOB  = 0x1
	msgPeek = 0x2
	msgMore = 0x8000
)
