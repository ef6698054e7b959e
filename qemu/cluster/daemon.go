package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// order is what Up tells a new daemon, over the socket that is its standard
// input. The daemon answers there as it answers a request: progress, and
// finally a Status or an error. Up acknowledges a Status with one more byte; if
// it goes without, so does the daemon.
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

	if err := c.bootFor(ctx, o.Nodes, to); err != nil {
		end() // first, so that who reads the error finds nothing running
		to.answer(nil, err)
		return err
	}
	up.Close()
	return c.attend(ctx)
}

// attend waits for the end: down, a signal, or that somebody has removed the
// folder, after which nobody could ever say down.
func (c *Cluster) attend(ctx context.Context) error {
	look := time.NewTicker(folderCheck)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			if c.lock.lost(c.dir) {
				return fmt.Errorf("the folder %s was removed", c.dir)
			}
		}
	}
}

// folderCheck is how often the daemon looks whether its folder is still there.
const folderCheck = time.Second

// bootFor boots the first nodes and tells Up, and fails when Up goes before it
// has acknowledged that.
func (c *Cluster) bootFor(ctx context.Context, nodes []NodeSpec, up *session) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	acknowledged := make(chan error, 1)
	go func() {
		_, err := up.conn.Read(make([]byte, 1))
		if err != nil {
			err = errors.New("motile up was interrupted")
			cancel(err)
		}
		acknowledged <- err
	}()
	if _, err := c.Add(ctx, nodes, up.progress); err != nil {
		up.conn.SetReadDeadline(past) // ends the goroutine
		<-acknowledged
		return err
	}
	up.answer(c.Status(), nil)
	select {
	case err := <-acknowledged:
		return err
	case <-ctx.Done(): // by a signal, or motile down
		up.conn.SetReadDeadline(past)
		<-acknowledged
		return context.Cause(ctx)
	}
}
