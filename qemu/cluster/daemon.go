package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// order is what Up tells a new daemon, over the socket that is its standard
// input. The daemon answers there as it answers a request: progress, and
// finally a Status or an error. If Up goes before that, so does the daemon.
type order struct {
	Dir    Dir        `json:"dir"`
	Config Config     `json:"config"`
	Nodes  []NodeSpec `json:"nodes"`
}

// Daemon is the life of the background process that Up starts. It returns when
// the cluster is down. Standard error is its log.
func Daemon() error {
	conn, err := net.FileConn(os.Stdin)
	if err != nil {
		return errors.New("the daemon is started by “motile up”, not by hand")
	}
	os.Stdin.Close()
	defer conn.Close()
	signal.Ignore(syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	var o order
	in := bufio.NewReader(conn)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err != nil {
		return fmt.Errorf("daemon: no order: %w", err)
	}
	o.Config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	err = runDaemon(ctx, o, conn)
	if err != nil {
		o.Config.Log.Error("daemon ends", "err", err)
	}
	return err
}

// runDaemon carries out an order and reports to up, which it closes when the
// cluster is up.
func runDaemon(ctx context.Context, o order, up net.Conn) error {
	to := &session{conn: up}
	c, err := Open(o.Dir, o.Config)
	if err != nil {
		to.answer(nil, err)
		return err
	}
	defer c.Close()

	ctx, shutdown := context.WithCancel(ctx)
	defer shutdown()
	stopped := make(chan struct{})
	s, err := c.serve(shutdown, stopped)
	if err != nil {
		to.answer(nil, err)
		return err
	}
	var ended sync.Once
	end := func() {
		ended.Do(func() {
			c.conf.Log.Info("going down")
			if err := c.Close(); err != nil {
				c.conf.Log.Error("going down", "err", err)
			}
			close(stopped) // whoever asked for it is answered now
			s.close()
		})
	}
	defer end()

	if err := bootFor(ctx, c, o.Nodes, to); err != nil {
		end() // first, so that who reads the error finds nothing running
		to.answer(nil, err)
		return err
	}
	to.answer(c.Status(), nil)
	up.Close()
	<-ctx.Done()
	return nil
}

// bootFor boots the first nodes, and gives up when Up goes.
func bootFor(ctx context.Context, c *Cluster, nodes []NodeSpec, up *session) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.Copy(io.Discard, up.conn)
		cancel(errors.New("motile up was interrupted"))
	}()
	_, err := c.Add(ctx, nodes, up.progress)
	up.conn.SetReadDeadline(past) // ends the goroutine
	<-gone
	return err
}
