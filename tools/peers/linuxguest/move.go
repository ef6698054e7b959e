package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"motile/tools/peers/orders"
)

// source moves a worker away. Its connections are there before the order comes: a
// resident service would have them, too.
type source struct {
	peer     string
	target   *rpc.Client
	files    net.Conn
	resident bool

	steps  []orders.Step
	bytes  int64
	copied int64 // of them, the last time
}

// sources are by the peer's address.
var sources = make(map[string]*source)

func sourceTo(peer string) (*source, error) {
	if s := sources[peer]; s != nil {
		return s, nil
	}
	at := func(port int) string { return net.JoinHostPort(peer, strconv.Itoa(port)) }
	target, err := rpc.Dial("tcp4", at(orders.RPCPort))
	if err != nil {
		return nil, err
	}
	files, err := net.Dial("tcp4", at(orders.FilePort))
	if err != nil {
		return nil, err
	}
	s := &source{peer: peer, target: target, files: files}
	sources[peer] = s
	return s, nil
}

// here is our address, as the target sees it.
func (s *source) here() string {
	host, _, err := net.SplitHostPort(s.files.LocalAddr().String())
	if err != nil {
		panic(err) // TCP's have a port
	}
	return host
}

func (s *source) call(method string, args, reply any) error {
	if err := s.target.Call("Target."+method, args, reply); err != nil {
		return fmt.Errorf("target, %s: %w", method, err)
	}
	return nil
}

// step notes how long something takes.
func (s *source) step(name string, do func() error) error {
	began := time.Now()
	err := do()
	s.steps = append(s.steps, orders.Step{Name: name, Ns: time.Since(began).Nanoseconds()})
	return err
}

// move carries out an order.
func (s *source) move(o *orders.Order) (a orders.Answer, err error) {
	s.steps, s.bytes, s.resident = nil, 0, o.Resident
	if err := s.synchronize(); err != nil {
		return a, err
	}
	if _, _, err := gap(o.PID); err != nil { // it begins to look anew
		return a, err
	}
	time.Sleep(50 * time.Millisecond)
	way, ok := map[string]func(int) (began, ran int64, err error){
		orders.Full: s.full, orders.PageServer: s.pageServer, orders.Iterative: s.iterative, orders.Lazy: s.lazyPages,
		orders.IterativeServer: s.iterativeServer,
	}[o.Kind]
	if !ok {
		return a, fmt.Errorf("CRIU has no mode %q", o.Kind)
	}
	ordered := time.Now().UnixNano()
	began, ran, err := way(o.PID)
	if err != nil {
		return a, errors.Join(err, s.call("Reset", Void{}, new(Void)))
	}
	var r Report
	if err := s.call("Ask", o.PID, &r); err != nil {
		return a, err
	}
	// The worker knows better when it ran again, if the last step was the longest.
	if r.End > began {
		ran = r.End
	}
	a = orders.Answer{Gap: r.Gap, Total: ran - ordered, Bytes: s.bytes, Steps: s.steps}
	unix.Wait4(o.PID, nil, 0, nil) // what the dump has left
	return a, s.call("Kill", o.PID, new(Void))
}

// synchronize sets the target's clock by ours, as NTP does: by the shortest of some
// questions.
func (s *source) synchronize() error {
	for range 2 { // the second time it is a little that is left
		shortest, ahead := time.Hour, int64(0)
		for range 20 {
			asked := time.Now()
			var there int64
			if err := s.call("Clock", Void{}, &there); err != nil {
				return err
			}
			if took := time.Since(asked); took < shortest {
				shortest, ahead = took, asked.UnixNano()+took.Nanoseconds()/2-there
			}
		}
		if err := s.call("Adjust", ahead, new(Void)); err != nil {
			return err
		}
	}
	return nil
}

// criu does a job here.
func (s *source) criu(j *job) error {
	j.resident = s.resident
	return s.step(j.do, j.run)
}

// copy brings a folder of images to the target.
func (s *source) copy(dir string) error {
	n, err := imageBytes(dir)
	if err != nil {
		return err
	}
	s.copied, s.bytes = n, s.bytes+n
	return s.step("copy", func() error { return sendFolder(s.files, dir) })
}

func (s *source) restore(dir string, lazy bool) (ran int64, err error) {
	err = s.step("restore", func() error {
		return s.call("Restore", Job{Dir: dir, Lazy: lazy, Resident: s.resident}, &ran)
	})
	return ran, err
}

// folder is an empty one for images, here and at the target.
func (s *source) folder(dir, prev string) error {
	if err := emptyFolder(dir); err != nil {
		return err
	}
	return s.call("Folder", Job{Dir: dir, Prev: prev}, new(Void))
}

const images = "/tmp/images"
