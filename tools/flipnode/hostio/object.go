package hostio

import (
	"sync"

	"motile/ipc/fileio"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
	"motile/tools/flipnode"
)

// events are poll(2)'s.
type events uint32

const (
	evIn  events = 0x1 | 0x40  // POLLIN, POLLRDNORM
	evOut events = 0x4 | 0x100 // POLLOUT, POLLWRNORM
	evErr events = 0x8
	evHup events = 0x10

	evAlways = evErr | evHup // reported whether asked for or not
)

// impl is what an object does by itself. Its methods are called with the object
// locked, and none waits. An errno is 0 or a Linux error number.
type impl interface {
	read(w fileio.Who, n int, late bool) (p []byte, errno int)
	patience() uint32 // of who has read in vain
	write(w fileio.Who, p []byte) (n, errno int)
	// ready reports which events hold. wanted is what somebody will wait for.
	ready(wanted events) events
	control(w fileio.Who, c *control) (errno int)
	stat() fileio.Status
}

// control is an ioctl(2).
type control struct {
	request uint32
	arg     uint64
	in, out []byte
}

// object serves an impl at a FLIP address.
//
// Locks: that of the flipnode is taken before mu, since requests come with it held.
// So what changes an object from elsewhere gives up mu before it answers anybody.
type object struct {
	impl    impl
	service *flipnode.Service

	mu    sync.Mutex
	polls []poll
}

// poll is somebody who waits for events.
type poll struct {
	request *flipnode.Request
	events  events
}

// maxPolls bounds who waits. A node asks once for each of its descriptions, so
// more than that is what lost nodes have left; the oldest is told to ask again.
const maxPolls = 256

// serve gives the object an address.
func (o *object) serve(n *flipnode.Node, i impl) (err error) {
	o.impl = i
	o.service, err = n.Serve(flip.Address{}, o.handle)
	return err
}

// Address is where processes find the object.
func (o *object) Address() flip.Address { return o.service.Address() }

// Close ends the object: whoever uses it from now on gets an error.
func (o *object) Close() { o.service.Close() }

// change runs f with the object locked and then answers those who waited for what
// has come of it. It is for goroutines of the host.
func (o *object) change(f func()) {
	o.mu.Lock()
	f()
	done := o.satisfied()
	o.mu.Unlock()
	for _, p := range done {
		p.request.Reply(pollAnswer(p.events), nil)
	}
}

// satisfied takes out the polls whose events hold.
func (o *object) satisfied() (done []poll) {
	waiting := o.polls[:0]
	for _, p := range o.polls {
		if got := o.impl.ready(p.events) & p.events; got != 0 {
			done = append(done, poll{p.request, got})
		} else {
			waiting = append(waiting, p)
		}
	}
	clear(o.polls[len(waiting):])
	o.polls = waiting
	return done
}

func pollAnswer(e events) *std.Header { return &std.Header{Size: uint32(e)} }

// handle answers a request. The flipnode is locked.
func (o *object) handle(r *flipnode.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := &r.Header
	switch h.Command {
	case fileio.Read:
		o.serveRead(r)
	case fileio.Write:
		o.serveWrite(r)
	case fileio.Poll:
		o.servePoll(r)
	case fileio.Control:
		o.serveControl(r)
	case fileio.Seek:
		r.Answer(&std.Header{Extra: abi.ESPIPE}, nil)
	case fileio.Truncate:
		r.Answer(&std.Header{Extra: abi.EINVAL}, nil)
	case fileio.Stat:
		b := o.impl.stat().Append(nil)
		r.Answer(&std.Header{Size: uint32(len(b))}, b)
	case api.ObjectAcquire, api.ObjectRelease:
		r.Answer(&std.Header{}, nil) // it stays, whoever holds it
	default:
		refuse(r, std.ComBad)
	}
	for _, p := range o.satisfied() {
		p.request.Answer(pollAnswer(p.events), nil)
	}
}

func refuse(r *flipnode.Request, s std.Status) {
	h := new(std.Header)
	h.SetStatus(s)
	r.Answer(h, nil)
}

func (o *object) serveRead(r *flipnode.Request) {
	w, _, ok := fileio.DecodeWho(r.Data)
	if !ok {
		refuse(r, std.ArgBad)
		return
	}
	p, errno := o.impl.read(w, int(min(r.Header.Size, fileio.MaxData)), r.Header.Extra&1 != 0)
	h := std.Header{Size: uint32(len(p)), Extra: uint32(errno)}
	if errno == abi.EAGAIN {
		h.Size = o.impl.patience()
	}
	r.Answer(&h, p)
}

func (o *object) serveWrite(r *flipnode.Request) {
	w, data, ok := fileio.DecodeWho(r.Data)
	if !ok {
		refuse(r, std.ArgBad)
		return
	}
	n, errno := o.impl.write(w, data)
	r.Answer(&std.Header{Size: uint32(n), Extra: uint32(errno)}, nil)
}

func (o *object) serveControl(r *flipnode.Request) {
	w, in, ok := fileio.DecodeWho(r.Data)
	if !ok {
		refuse(r, std.ArgBad)
		return
	}
	c := control{request: r.Header.Extra, arg: r.Header.Offset, in: in}
	errno := o.impl.control(w, &c)
	r.Answer(&std.Header{Size: uint32(len(c.out)), Extra: uint32(errno)}, c.out)
}

func (o *object) servePoll(r *flipnode.Request) {
	want := events(r.Header.Size) | evAlways
	got := o.impl.ready(want) & want
	if got != 0 || r.Header.Extra == 0 {
		r.Answer(pollAnswer(got), nil)
		return
	}
	if len(o.polls) == maxPolls {
		refuse(o.polls[0].request, std.NotNow)
		o.polls = append(o.polls[:0], o.polls[1:]...)
	}
	o.polls = append(o.polls, poll{r, want})
}
