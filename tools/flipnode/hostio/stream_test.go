package hostio

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"motile/ipc/fileio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
	"motile/tools/flipnode/flipnodetest"
)

const again = abi.EAGAIN

func TestInput(t *testing.T) {
	net := flipnodetest.New(t)
	content := strings.Repeat("what the host has to say\n", 9000)
	in, err := NewInput(net.Node(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	u := process(t, net.Node(), in, 7, 7, 7)
	if got := u.readAll(); got != content {
		t.Fatalf("%d bytes of %d", len(got), len(content))
	}
	expect(t, "at the end", u.now(evIn), evIn|evHup)
	_, errno := u.write("x")
	expect(t, "write", errno, abi.EBADF)
	_, errno = u.control(0x5401, nil)
	expect(t, "ioctl", errno, abi.ENOTTY)
}

// nobody reads a file of the host before a process wants input.
func TestInput_OnDemand(t *testing.T) {
	net := flipnodetest.New(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	in, err := NewInput(net.Node(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString("for whoever reads first")
	u := process(t, net.Node(), in, 7, 7, 7)
	expect(t, "output", u.now(evOut), 0)
	time.Sleep(20 * time.Millisecond)
	r.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 3)
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != "for" {
		t.Fatalf("%q, %v: it was read", buf, err)
	}
	r.SetReadDeadline(time.Time{})
	_, errno := u.read(100)
	expect(t, "first read", errno, again)
	expect(t, "input", u.wait(evIn)&evIn, evIn)
	s, _ := u.read(8)
	expect(t, "read", s, " whoever")
	s, _ = u.read(100)
	expect(t, "the rest", s, " reads first")
	w.Close()
	expect(t, "end", u.wait(evIn), evIn|evHup)
	in.Close()
}

// slowFile takes what it is given when it is told to.
type slowFile struct {
	mu  sync.Mutex
	got bytes.Buffer
	err error
	go_ chan struct{}
}

func (f *slowFile) Write(p []byte) (int, error) {
	<-f.go_
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	return f.got.Write(p)
}

func TestOutput_IsBoundedAndComplete(t *testing.T) {
	net := flipnodetest.New(t)
	file := &slowFile{go_: make(chan struct{})}
	out, err := NewOutput(net.Node(), file)
	if err != nil {
		t.Fatal(err)
	}
	u := process(t, net.Node(), out, 7, 7, 7)
	taken, piece := 0, strings.Repeat("x", fileio.MaxData)
	for {
		n, errno := u.write(piece)
		taken += n
		if errno == again {
			break
		}
		expect(t, "error", errno, 0)
		if taken > 4*streamBuffer {
			t.Fatal("there is no bound")
		}
	}
	expect(t, "room", u.now(evOut), 0)
	close(file.go_)
	expect(t, "room", u.wait(evOut), evOut)
	u.writeAll(strings.Repeat("y", 3*streamBuffer))
	out.Flush()
	file.mu.Lock()
	expect(t, "written", file.got.Len(), taken+3*streamBuffer)
	file.mu.Unlock()
	_, errno := u.read(1)
	expect(t, "read", errno, abi.EBADF)
	out.Close()
	out.Flush() // returns at once
}

// The error of the host's write is the process's: EPIPE kills it, as in a shell.
func TestOutput_Error(t *testing.T) {
	net := flipnodetest.New(t)
	for err, want := range map[error]int{&os.PathError{Err: syscall.EPIPE}: abi.EPIPE, errors.New("odd"): abi.EIO} {
		file := &slowFile{err: err, go_: make(chan struct{})}
		close(file.go_)
		out, err := NewOutput(net.Node(), file)
		if err != nil {
			t.Fatal(err)
		}
		u := process(t, net.Node(), out, 7, 7, 7)
		u.write("lost")
		out.Flush()
		_, errno := u.write("x")
		expect(t, "error", errno, want)
		expect(t, "events", u.wait(evOut), evOut|evErr)
		out.Close()
	}
}

func TestStream_OtherRequests(t *testing.T) {
	net := flipnodetest.New(t)
	out, err := NewOutput(net.Node(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	u := process(t, net.Node(), out, 7, 7, 7)
	h, b := u.ask(std.Header{Command: fileio.Stat}, nil)
	st, ok := fileio.DecodeStatus(b)
	if !ok || st.Mode != 0o010600 || h.Size != fileio.StatSize {
		t.Fatalf("%+v", st)
	}
	for command, want := range map[uint32]uint32{fileio.Seek: abi.ESPIPE, fileio.Truncate: abi.EINVAL, api.ObjectAcquire: 0, api.ObjectRelease: 0} {
		if h, _ := u.ask(std.Header{Command: command}, nil); h.Extra != want {
			t.Errorf("command %d: %d", command, h.Extra)
		}
	}
	for _, bad := range []struct {
		h    std.Header
		want std.Status
	}{
		{std.Header{Command: 17}, std.ComBad},
		{std.Header{Command: fileio.Read}, std.ArgBad}, // by nobody
		{std.Header{Command: fileio.Write}, std.ArgBad},
		{std.Header{Command: fileio.Control}, std.ArgBad},
	} {
		h, _, err := u.n.Trans(t.Context(), u.at, &bad.h, nil, time.Second)
		if err != nil || h.Status() != bad.want {
			t.Errorf("%d: %v, %v", bad.h.Command, h.Status(), err)
		}
	}
}
