package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/harness"
	"motile/qemu/machine"
	"motile/qemu/webserver/content"
)

// web is a cluster with a TCP/IP server and an HTTP server that knows nothing of Motile,
// which the host reaches by a forwarded port.
type web struct {
	*world
	url     string
	dials   atomic.Int32
	browser *http.Client
	ip      *program // the TCP/IP server
	server  *program
}

const webMemMB = 128

var downloadMB = flag.Int("download", 8, "how many MB are fetched from a web server that moves")

// bootWeb starts the TCP/IP server on node 1 and the web server on another.
func bootWeb(t *testing.T, nodes, on int, deadline time.Duration) *web {
	t.Helper()
	top := harness.Top(t)
	port := freePort(t)
	w := &web{world: boot(t, harness.Options{
		Nodes: nodes, MemMB: webMemMB, Deadline: deadline,
		Kernel: filepath.Join(top, "build/kernel.elf"), Initrd: filepath.Join(top, "build/initrd.cpio"),
		Outside: &cluster.Outside{Node: 1, Forwards: []machine.Forward{{Host: port, Guest: 80}}},
	})}
	w.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	w.browser = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		w.dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	w.serve(on)
	return w
}

// serve starts both servers.
func (w *web) serve(on int) {
	w.t.Helper()
	w.ip = w.run(1, "/bbin/ipd")
	w.ip.await("ipd: ")
	w.server = w.runFile(on, filepath.Join(harness.Top(w.t), "build/webserver"), ":80")
	w.server.await("serving")
}

// freePort is one of the host's that nobody listens on. Somebody could before QEMU does;
// the kernel hands out others first.
func freePort(t *testing.T) int {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// runFile sends a program from the host and runs it.
func (w *world) runFile(node int, file string, args ...string) *program {
	w.t.Helper()
	f, err := os.Open(file)
	w.must(err)
	defer f.Close()
	c, err := client.NewFile(f)
	w.must(err)
	path := c.Place(filepath.Base(file))
	w.must(w.client.Node(node).PutFile(w.ctx, c, path))
	return w.run(node, append([]string{path}, args...)...)
}

func (w *web) get(path string) *http.Response {
	w.t.Helper()
	q, err := http.NewRequestWithContext(w.ctx, "GET", w.url+path, nil)
	w.must(err)
	r, err := w.browser.Do(q)
	w.must(err)
	if r.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", path, r.Status)
	}
	return r
}

// download fetches so much while somebody is moved from node to node: each move happens
// while bytes are under way.
func (w *web) download(size int64, who *program, nodes ...int) {
	w.t.Helper()
	r := w.get(fmt.Sprintf("/made/%d", size))
	defer r.Body.Close()
	sum, total := sha256.New(), int64(0)
	for i, node := range nodes {
		moved := make(chan error, 1)
		go func() {
			_, err := who.Migrate(w.ctx, client.Move{Target: node})
			moved <- err
		}()
		n, err := io.CopyN(sum, r.Body, size/int64(len(nodes)+1))
		if total += n; err != nil {
			w.t.Fatalf("after %d bytes, move %d: %v", total, i, err)
		}
		if err := <-moved; err != nil {
			w.t.Fatalf("move %d to node %d: %v", i, node, err)
		}
	}
	n, err := io.Copy(sum, r.Body)
	if total += n; err != nil || total != size {
		w.t.Fatalf("%d bytes of %d: %v", total, size, err)
	}
	want := sha256.New()
	io.Copy(want, content.New(size))
	if !bytes.Equal(sum.Sum(nil), want.Sum(nil)) {
		w.t.Error("the content is another")
	}
	if n := w.dials.Load(); n != 1 {
		w.t.Errorf("%d connections, want 1", n)
	}
}

// TestIP_DownloadSurvivesMoves: a client of an unmodified HTTP server does not notice that
// it is moved five times while it serves; nor that the TCP/IP server is.
func TestIP_DownloadSurvivesMoves(t *testing.T) {
	w := bootWeb(t, 3, 2, 4*time.Minute+time.Duration(*downloadMB)*5*time.Second)
	start := time.Now()
	w.download(int64(*downloadMB)<<20, w.server, 3, 1, 2, 3, 1)
	t.Logf("%d MB in %.1f s, %d connection", *downloadMB, time.Since(start).Seconds(), w.dials.Load())
	w.keepsAlive()
	w.leavesNothing(2)
	w.download(2<<20, w.ip, 3, 1)
	w.keepsAlive()
}

// TestIP_AServerThatEnds: who has a socket of a TCP/IP server that is gone hears of it, and
// the next server begins anew.
func TestIP_AServerThatEnds(t *testing.T) {
	w := bootWeb(t, 2, 2, 3*time.Minute)
	w.get("/made/10").Body.Close()
	w.must(w.ip.Signal(w.ctx, int(syscall.SIGKILL)))
	w.ip.end()
	if status := w.server.end(); status != 1 {
		t.Errorf("the web server ended with %d: it should have been told", status)
	}
	w.browser.CloseIdleConnections()
	w.serve(2)
	w.get("/made/10").Body.Close()
}

// keepsAlive: the connection serves on.
func (w *web) keepsAlive() {
	w.t.Helper()
	before := w.dials.Load()
	r, err := w.browser.Post(w.url+"/echo", "text/plain", bytes.NewReader([]byte("still there")))
	w.must(err)
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); err != nil || string(b) != "still there" {
		w.t.Errorf("%q, %v", b, err)
	}
	if w.dials.Load() != before {
		w.t.Error("the connection was not used again")
	}
}

// leavesNothing: where the server has been, nobody is needed any more.
func (w *web) leavesNothing(node int) {
	w.t.Helper()
	info, err := w.server.Info(w.ctx)
	w.must(err)
	if len(info.Residuals) != 0 {
		w.t.Errorf("it still needs %v", info.Residuals)
	}
	w.Node(node).Kill()
	w.keepsAlive()
}

// TestIP_LongPollSurvivesAMove: so does a client whose request is not answered yet.
func TestIP_LongPollSurvivesAMove(t *testing.T) {
	w := bootWeb(t, 2, 2, 3*time.Minute)
	answer := make(chan string, 1)
	go func() {
		r, err := w.browser.Get(w.url + "/poll")
		if err != nil {
			t.Error(err)
			answer <- ""
			return
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		answer <- fmt.Sprint(string(b), err)
	}()
	w.server.await("waiting")
	w.server.move(1)
	w.server.move(2)
	w.get("/release").Body.Close()
	if got := <-answer; got != "released\n<nil>" {
		t.Errorf("the long poll ended with %q", got)
	}
}
