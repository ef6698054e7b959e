package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/checkpoint"
	"motile/migrate/image"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/client/clienttest"
)

// stage is a process on node 1 that can be written down, and node 2 where it can be
// made anew.
type stage struct {
	t *testing.T
	*clienttest.Fake
	c       *client.Client
	process clienttest.Stopped
	from    *clienttest.Segments
	to      *clienttest.Segments
	long    bool // the image is not in the reply
	more    []image.Record

	refused string
	has     bool // node 2 has the program
	started *api.ExecRequest
	image   *image.Descriptor
	memory  [][]byte // of its segments
}

func newStage(t *testing.T) *stage {
	f, c := setUp()
	s := &stage{t: t, Fake: f, c: c, from: f.Segments(1), to: f.Segments(2),
		process: clienttest.Stopped{PID: 1000007, Generation: 3, Runs: []uint64{1, 900, 1000, 24}}}
	f.Process(1000007, func(h *std.Header, _ []byte) (any, std.Status) {
		if h.Command != api.Snapshot {
			return nil, std.ComBad
		}
		reply, _ := clienttest.SnapshotReply(s.from, s.process.Image(s.from, s.more...), 1, s.long)
		return reply, std.OK
	})
	f.Node(1, func(h *std.Header, data []byte) (any, std.Status) {
		if v, status, ok := s.from.Serve(h, data); ok {
			return v, status
		}
		if h.Command == api.GetFile {
			return clienttest.GetFile(h, data)
		}
		return nil, std.ComBad
	})
	f.Node(2, s.target)
	return s
}

// target is node 2.
func (s *stage) target(h *std.Header, data []byte) (any, std.Status) {
	if v, status, ok := s.to.Serve(h, data); ok {
		return v, status
	}
	switch h.Command {
	case api.PutFile:
		q := clienttest.Decode[api.PutFileRequest](data)
		s.has = int(h.Offset)+len(q.Data) == len(clienttest.Program)
		return api.PutFileReply{Have: s.has, Got: int64(h.Offset) + int64(len(q.Data))}, std.OK
	case api.Exec:
		return s.exec(clienttest.Decode[api.ExecRequest](data)), std.OK
	}
	return nil, std.ComBad
}

func (s *stage) exec(q api.ExecRequest) api.ExecReply {
	encoded := q.Image
	if len(q.ImageCap) > 0 {
		cap, _ := capability.Decode(q.ImageCap)
		if encoded = s.to.Memory(cap); encoded == nil {
			encoded = s.from.Memory(cap)
		}
	}
	recs, err := image.Read(encoded)
	if err == nil {
		s.image, err = image.Describe(recs)
	}
	if err != nil {
		return api.ExecReply{Refused: err.Error()}
	}
	digest := sha256.Sum256(clienttest.Program)
	switch {
	case s.refused != "":
		return api.ExecReply{Refused: s.refused}
	case !s.has:
		return api.ExecReply{Missing: [][]byte{digest[:]}}
	}
	s.started, s.memory = &q, nil
	for _, g := range s.image.Segments {
		cap, _ := capability.Decode(g.Cap)
		memory := s.to.Memory(cap)
		if cap.Port == s.Key.NodeCap(1).Port {
			memory = s.from.Memory(cap)
		}
		s.memory = append(s.memory, bytes.Clone(memory))
	}
	return api.ExecReply{PID: 2000001}
}

// same checks that node 2 runs the process, with its memory.
func (s *stage) same() {
	s.t.Helper()
	for i, g := range s.image.Segments {
		for k := 0; k < len(g.Runs); k += 2 {
			for n := g.Runs[k]; n < g.Runs[k]+g.Runs[k+1]; n++ {
				if !bytes.Equal(s.memory[i][n*4096:(n+1)*4096], s.process.Page(i, n)) {
					s.t.Fatalf("page %d of segment %d is another", n, i)
				}
			}
		}
	}
	if s.image.Process.PID != 1000007 || s.image.Lineage.Generation != 3 {
		s.t.Errorf("%+v", s.image)
	}
}

// file writes a snapshot of the process to a file.
func (s *stage) file(files bool) (*checkpoint.Checkpoint, error) {
	snap, err := s.c.Process(1000007).Snapshot(s.t.Context(), false)
	if err != nil {
		return nil, err
	}
	defer snap.Drop(s.t.Context())
	var out bytes.Buffer
	key := [32]byte(s.Key)
	w, err := checkpoint.NewWriter(&out, &key, [32]byte{1}, snap.Descriptor, checkpoint.Options{})
	if err == nil {
		err = snap.Write(s.t.Context(), w, files, nil)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	return checkpoint.Open(bytes.NewReader(out.Bytes()), &key)
}

func TestCheckpoint_AndRestart(t *testing.T) {
	for _, long := range []bool{false, true} {
		s := newStage(t)
		s.long = long
		c, err := s.file(true)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Files) != 1 || c.Files[0].Path != "/run/counter" || c.Stats.Zero == 0 || c.Stats.Raw == 0 {
			t.Errorf("%+v %+v", c.Files, c.Stats)
		}
		heard := int64(0)
		r, err := s.c.Node(2).Restart(t.Context(), c, api.ExecRequest{Detached: true, Stdio: client.LogFiles()}, func(done, total int64) {
			if heard = done; done > total {
				t.Errorf("%d of %d", done, total)
			}
		})
		if err != nil || r.PID != 2000001 || !s.started.Detached || heard != int64(c.Stats.Raw)*4096 {
			t.Fatal(r, err, heard)
		}
		s.same()
		if s.to.Left() != 0 {
			t.Errorf("%d segments are left on node 2", s.to.Left())
		}
	}
}

// Several reads are under way at a time: the first is not answered until the second has
// come.
func TestSnapshot_ReadsAhead(t *testing.T) {
	s := newStage(t)
	snap, err := s.c.Process(1000007).Snapshot(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	var reads atomic.Int32
	second := make(chan struct{})
	s.from.Fail(func(h *std.Header) std.Status {
		switch reads.Add(1) {
		case 1:
			select {
			case <-second:
			case <-time.After(10 * time.Second):
				return std.RPCFailure
			}
		case 2:
			close(second)
		}
		return std.OK
	})
	next := uint64(1)
	err = snap.EachPage(t.Context(), func(segment int, first uint64, data []byte) error {
		if segment == 0 && first < 900 {
			if first != next {
				t.Errorf("page %d where %d is the next", first, next)
			}
			next += uint64(len(data) / 4096)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestClone(t *testing.T) {
	for name, more := range map[string][]image.Record{"short": nil, "long": {{Type: 99, Payload: make([]byte, 1<<20)}}} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.more = more
			snap, err := s.c.Process(1000007).Snapshot(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := snap.Clone(t.Context(), s.c.Node(2), api.ExecRequest{}); err != nil || r.PID != 2000001 {
				t.Fatal(r, err)
			}
			s.same()
			if !s.has {
				t.Error("the program did not come along")
			}
			if (len(s.started.Image) == 0) != (more != nil) {
				t.Errorf("an image of %d bytes was in the request", len(s.started.Image))
			}
		})
	}
}

func TestRestart_SaysWhyNot(t *testing.T) {
	s := newStage(t)
	c, err := s.file(false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.c.Node(2).Restart(t.Context(), c, api.ExecRequest{}, nil)
	says(t, err, "node 2 lacks /run/counter", "--no-files")
	s.refused = "its CPU has no AVX2, which the process may use"
	_, err = s.c.Node(2).Restart(t.Context(), c, api.ExecRequest{}, nil)
	says(t, err, "node 2: its CPU has no AVX2")
	for command, words := range map[uint32]string{api.SegCreate: "node 2: has no memory", api.SegWrite: "segment of node 2: has no memory"} {
		s.to.Fail(func(h *std.Header) std.Status {
			if h.Command == command {
				return std.NoMem
			}
			return std.OK
		})
		_, err = s.c.Node(2).Restart(t.Context(), c, api.ExecRequest{}, nil)
		says(t, err, words)
	}
	if s.to.Left() != 0 || s.started != nil {
		t.Errorf("%d segments are left, %v was started", s.to.Left(), s.started)
	}
}

func TestSnapshot_SaysWhyNot(t *testing.T) {
	f, c := setUp()
	f.Process(7, func(*std.Header, []byte) (any, std.Status) {
		return api.SnapshotReply{Refused: "process 7 is ending"}, std.OK
	})
	_, err := c.Process(7).Snapshot(t.Context(), false)
	says(t, err, "process 7 is ending")
	weak, _ := capability.Restrict(f.Key.ProcessCap(8), capability.PSRRead)
	f.Process(8, func(*std.Header, []byte) (any, std.Status) { return nil, std.Denied })
	_, err = c.ProcessWith(weak).Snapshot(t.Context(), false)
	says(t, err, "process 8", "PSR_MIGRATE")

	s := newStage(t)
	gone := errors.New("disk full")
	snap, err := s.c.Process(1000007).Snapshot(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := snap.EachPage(t.Context(), func(int, uint64, []byte) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
	var n atomic.Int32
	s.from.Fail(func(h *std.Header) std.Status {
		if n.Add(1) > 3 {
			return std.RPCFailure
		}
		return std.OK
	})
	err = snap.EachPage(t.Context(), func(int, uint64, []byte) error { return nil })
	says(t, err, "segment 0 of process 1000007, on node 1", "was lost")
	s.from.Fail(nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if err := snap.EachPage(ctx, func(int, uint64, []byte) error { return nil }); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// What a node says an image is, is not believed.
func TestSnapshot_RefusesWhatMakesNoSense(t *testing.T) {
	f, c := setUp()
	segs := f.Segments(1)
	f.Node(1, func(h *std.Header, data []byte) (any, std.Status) {
		v, status, _ := segs.Serve(h, data)
		return v, status
	})
	p := clienttest.Stopped{PID: 7, Generation: 1, Runs: []uint64{0, 1 << 40}}
	for name, encoded := range map[string][]byte{"terabytes": p.Image(segs), "no image": []byte("nonsense"), "cut short": p.Image(segs)[:700]} {
		left := segs.Left()
		f.Process(7, func(*std.Header, []byte) (any, std.Status) {
			r, _ := clienttest.SnapshotReply(segs, encoded, 1, false)
			return r, std.OK
		})
		if _, err := c.Process(7).Snapshot(t.Context(), false); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			says(t, err, "snapshot of process 7 on node 1")
		}
		if segs.Left() != left {
			t.Errorf("%s: the snapshot was not dropped", name)
		}
	}
}

func TestDigests(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	d := &image.Descriptor{Process: &image.Process{Stores: []image.Store{{Digest: a}, {Size: 5}, {Digest: a}}, Files: []image.File{{Digest: b, Path: "/etc/motd"}, {Digest: a, Path: "/x"}, {}}}}
	if got := client.Digests(d); !reflect.DeepEqual(got, [][32]byte{[32]byte(a), [32]byte(b)}) {
		t.Error(got)
	}
	if got := client.PathOf(d, [32]byte(b)); got != "/etc/motd" {
		t.Error(got)
	}
	if got := client.PathOf(d, [32]byte{9}); got != fmt.Sprintf("a file with digest %x…", [6]byte{9}) {
		t.Error(got)
	}
}
