package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// linuxRate is the share of Linux's requests per second that there must be.
const linuxRate = 0.5

const (
	webFile   = "build/webserver"
	webBytes  = 100 // of an answer
	webAsks   = 40  // requests in one number
	webNode   = 403 // Linux's
	webAddr   = "10.0.2.15/24"
	webMemory = machine.DefaultMemMB
)

// webServers holds an HTTP server that knows nothing of Motile, which the host reaches by a
// forwarded port, against the same file on a Linux machine of the same kind. There is one
// on the node that has the TCP/IP server: so all is done by one CPU, as on Linux; and one
// on a node beside it.
func webServers(ctx context.Context, b *bench) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	near, far, theirs := ports[0], ports[1], ports[2]
	spec := cluster.NodeSpec{Machine: machine.Q35, MemMB: webMemory}
	bed, err := b.upWith(ctx, []cluster.NodeSpec{spec, spec}, cluster.Config{
		Initrd:  testbed.BootArchive,
		Outside: &cluster.Outside{Node: 1, Forwards: []machine.Forward{{Host: near, Guest: 80}, {Host: far, Guest: 81}}},
	})
	if err != nil {
		return err
	}
	defer bed.Down()
	if err := bed.serveWeb(ctx); err != nil {
		return err
	}
	var lin *linuxMachine
	if haveLinux() {
		if lin, err = bed.linuxWeb(ctx, theirs); err != nil {
			return err
		}
		defer lin.stop()
	}
	var one, many, farOne, linOne, linMany sample
	for range (b.runs + 1) / 2 { // each is many requests
		for _, x := range []struct {
			port    int
			clients int
			to      *sample
		}{{near, 1, &one}, {theirs, 1, &linOne}, {far, 1, &farOne}, {near, 8, &many}, {theirs, 8, &linMany}} {
			linux := x.port == theirs
			if linux && lin == nil {
				continue
			}
			if linux {
				if err := lin.QMP().Cont(ctx); err != nil {
					return err
				}
			}
			got, err := askWeb(ctx, x.port, x.clients, b.some(2))
			if err != nil {
				return err
			}
			if *x.to = append(*x.to, got...); linux {
				if err := lin.QMP().Stop(ctx); err != nil {
					return err
				}
			}
		}
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	for _, x := range []struct {
		what         string
		ours, theirs sample
		judged       bool
	}{
		{"HTTP request from the host, kept alive, one node", one, linOne, true},
		{"  eight connections", many, linMany, true},
		{"  the server on the next node", farOne, linOne, false},
	} {
		w := r.add(x.what, "ns", x.ours)
		w.Note = perSecond(w.Median)
		if lin == nil {
			w.Note += ", nothing to compare with: there is no " + linuxKernel
			continue
		}
		w.Note += fmt.Sprintf(", %.2f × Linux's", x.theirs.Median()/w.Median)
		if x.judged {
			r.target(w, x.theirs.Median()/linuxRate, "≥ %.1f × Linux's requests/s", linuxRate)
		}
	}
	if lin != nil {
		for _, x := range []struct {
			what string
			s    sample
		}{{"  the same server on Linux", linOne}, {"  … eight connections", linMany}} {
			w := r.add(x.what, "ns", x.s)
			w.Note = perSecond(w.Median)
		}
	}
	return nil
}

// freePorts are ports of the host's loopback address that nobody listens on. Somebody
// could before QEMU does; the kernel hands out others first.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// serveWeb starts the TCP/IP server, and the web server on both nodes.
func (b *bed) serveWeb(ctx context.Context) error {
	p, err := b.StartPath(ctx, 1, "/bbin/ipd")
	if err != nil {
		return err
	}
	if err := testbed.Await(ctx, p); err != nil {
		return err
	}
	f, err := os.Open(webFile)
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := client.NewFile(f)
	if err != nil {
		return err
	}
	path := c.Place(filepath.Base(webFile))
	for node, port := range []string{":80", ":81"} {
		if err := b.Client.Node(node+1).PutFile(ctx, c, path); err != nil {
			return err
		}
		p, err := b.StartPath(ctx, node+1, path, port)
		if err != nil {
			return err
		}
		if err := testbed.Await(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// linuxWeb starts a Linux machine with the web server, and halts it.
func (b *bed) linuxWeb(ctx context.Context, port int) (*linuxMachine, error) {
	m, err := b.startLinuxMachine(ctx, machine.Spec{
		Node: webNode, MemMB: webMemory, Outside: &machine.Outside{Forwards: []machine.Forward{{Host: port, Guest: 80}}},
	}, "role=web addr="+webAddr)
	if err != nil {
		return nil, err
	}
	if _, err = m.find(ctx, "serving"); err == nil {
		err = m.QMP().Stop(ctx)
	}
	if err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

// askWeb has clients ask a web server, each on one connection, and returns n times how long
// a request took, by all that were answered together. The first round does not count.
func askWeb(ctx context.Context, port, clients, n int) (s sample, err error) {
	conns := make([]net.Conn, clients)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	for i := range conns {
		if conns[i], err = new(net.Dialer).DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { conns[i].SetDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	for round := range n + 1 {
		start := time.Now()
		errs := make([]error, clients)
		var all sync.WaitGroup
		for i, c := range conns {
			all.Go(func() {
				in := bufio.NewReader(c)
				for k := 0; k < webAsks/clients && errs[i] == nil; k++ {
					errs[i] = askOnce(c, in)
				}
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		if round > 0 {
			s = append(s, float64(time.Since(start))/webAsks)
		}
	}
	return s, nil
}

// askOnce asks for something, on a connection that is kept.
func askOnce(c net.Conn, in *bufio.Reader) error {
	if _, err := fmt.Fprintf(c, "GET /made/%d HTTP/1.1\r\nHost: bench\r\n\r\n", webBytes); err != nil {
		return err
	}
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r.Body)
	if err == nil && (len(text) != webBytes || r.Close) {
		err = fmt.Errorf("%s: %d bytes %s", r.Status, len(text), strings.Join(r.Header["Connection"], " "))
	}
	return err
}
