package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/qemu/harness"
)

// keptFiles starts what files are kept with on node 1, and the file server.
func (w *world) keptFiles() []*program {
	w.t.Helper()
	b, _ := w.bulletOf(1)
	s := w.run(1, "/bbin/motiled", "soap", "--keep")
	f := w.run(1, "/bbin/motiled", "file", "--keep")
	f.await("^file: serving$")
	return []*program{b, s, f}
}

// fileClient asks the file server from the host, as a node would that has no number.
type fileClient struct {
	grants map[uint64]uint64 // by file: who does not give his back when he writes is recalled
	w      *world
	ctx    context.Context
	root   capability.Capability
	seq    uint64 // of opens; higher than those of clients before
}

// strangeNode is no node's number.
const strangeNode = 4000

func (w *world) fileClient(ctx context.Context) *fileClient {
	key := api.Key(w.key)
	return &fileClient{w: w, ctx: ctx, root: key.ServiceCap("file", 0), seq: uint64(time.Now().UnixNano())}
}

func (f *fileClient) ask(c capability.Capability, h std.Header, data []byte) (std.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(f.ctx, 30*time.Second)
	defer cancel()
	h.SetCapability(c)
	r, reply, err := f.w.flip.Call(ctx, &h, data)
	switch {
	case err == nil && r.Status() != std.OK:
		err = r.Status()
	case err == nil && r.Extra != 0:
		err = fmt.Errorf("errno %d", r.Extra)
	}
	return r, reply, err
}

func place(path string) []byte { return (&filesys.Place{Path: path}).Append(nil) }

func (f *fileClient) name(command uint32, path string) error {
	_, _, err := f.ask(f.root, std.Header{Command: command, Size: 0o755}, place(path))
	return err
}

func (f *fileClient) rename(from, to string) error {
	q := filesys.Two{From: filesys.Place{Path: from}, Check: f.root.Check, Rights: uint32(f.root.Rights), To: filesys.Place{Path: to}}
	_, _, err := f.ask(f.root, std.Header{Command: filesys.Rename}, q.Append(nil))
	return err
}

func (f *fileClient) open(path string) (capability.Capability, error) {
	const rdwrCreat = 0x42
	f.seq++
	o := filesys.Opener{Node: strangeNode, Boot: 1, Seq: f.seq}
	p := filesys.Place{Path: path}
	h, data, err := f.ask(f.root, std.Header{Command: filesys.Open, Extra: rdwrCreat, Size: 0o644}, p.Append(o.Append(nil)))
	if found, ok := filesys.DecodeFound(data); err == nil && ok {
		f.granted(h.Capability(), found.Grant)
	}
	return h.Capability(), err
}

// close gives up all that the client has opened of a file.
func (f *fileClient) close(c capability.Capability) error {
	o := filesys.Opener{Node: strangeNode, Boot: 1}
	h := filesys.Held{Object: c.Object, Check: c.Check, Rights: uint32(c.Rights), Upto: f.seq}
	_, _, err := f.ask(c, std.Header{Command: filesys.Release}, h.Append(o.Append(nil)))
	return err
}

func (f *fileClient) write(c capability.Capability, off int, data []byte) error {
	for len(data) > 0 {
		h, _, err := f.ask(c, std.Header{Command: filesys.Write, Offset: uint64(off), Extra: strangeNode, Size: uint32(f.grants[c.Object])}, data[:min(len(data), filesys.MaxData)])
		if err != nil {
			return err
		}
		f.granted(c, h.Object)
		data, off = data[h.Size:], off+int(h.Size)
	}
	return nil
}

func (f *fileClient) granted(c capability.Capability, grant uint64) {
	if f.grants == nil {
		f.grants = make(map[uint64]uint64)
	}
	f.grants[c.Object] = grant
}

func (f *fileClient) sync(c capability.Capability) error {
	_, _, err := f.ask(c, std.Header{Command: filesys.Sync}, nil)
	return err
}

func (f *fileClient) read(c capability.Capability) ([]byte, error) {
	var all []byte
	for {
		_, data, err := f.ask(c, std.Header{Command: filesys.Read, Offset: uint64(len(all)), Size: filesys.MaxData}, nil)
		if err != nil {
			return nil, err
		}
		_, data, ok := filesys.DecodeWritten(data)
		if !ok || len(data) == 0 {
			return all, nil
		}
		all = append(all, data...)
	}
}

func (f *fileClient) list(path string) (names []string, err error) {
	f.seq++
	o := filesys.Opener{Node: strangeNode, Boot: 1, Seq: f.seq}
	p := filesys.Place{Path: path}
	h, _, err := f.ask(f.root, std.Header{Command: filesys.Open}, p.Append(o.Append(nil)))
	if err != nil {
		return nil, err
	}
	dir := h.Capability()
	for cookie := uint64(0); ; {
		_, data, err := f.ask(dir, std.Header{Command: filesys.List, Offset: cookie, Size: 8 << 10}, nil)
		switch {
		case err != nil:
			return nil, err
		case len(data) == 0:
			return names, f.close(dir)
		}
		for len(data) > 0 {
			e, rest, ok := filesys.DecodeEntry(data)
			if !ok {
				return nil, errors.New("not an entry")
			}
			if data, cookie = rest, e.Next; e.Name != "." && e.Name != ".." {
				names = append(names, e.Name)
			}
		}
	}
}

// writer changes files in a directory of its own, and knows what may be found of them: what
// there was at the last fsync that was answered, or at any instant since.
type writer struct {
	dir    string
	states []map[string][]byte // since then, the oldest first
	syncs  int
}

func (x *writer) now() map[string][]byte { return x.states[len(x.states)-1] }

// next is the state as it will be: as it is but for one name; nil: that is gone.
func (x *writer) next(name string, data []byte) map[string][]byte {
	s := maps.Clone(x.now())
	if s[name] = data; data == nil {
		delete(s, name)
	}
	return s
}

// work changes files until the power fails.
func (x *writer) work(t *testing.T, f *fileClient, rng *rand.Rand) {
	for f.ctx.Err() == nil {
		if err := x.step(f, rng); err != nil {
			if !down(err) && f.ctx.Err() == nil {
				t.Errorf("%s: %v", x.dir, err)
			}
			return
		}
	}
}

func (x *writer) step(f *fileClient, rng *rand.Rand) error {
	name := fmt.Sprint("f", rng.IntN(6))
	old, there := x.now()[name]
	did := func(s map[string][]byte, err error) error {
		x.states = append(x.states, s) // it may have been done, whatever the error
		return err
	}
	switch k := rng.IntN(10); {
	case k < 6:
		c, err := f.open(x.dir + "/" + name)
		if !there {
			err = did(x.next(name, []byte{}), err)
		}
		if err != nil {
			return err
		}
		off := rng.IntN(len(old) + 1)
		data := make([]byte, 1+rng.IntN(1<<(4+rng.IntN(14))))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		for len(data) > 0 { // each message by itself
			piece := data[:min(len(data), filesys.MaxData)]
			next := append(append(bytes.Clone(x.now()[name][:off]), piece...), x.now()[name][min(len(x.now()[name]), off+len(piece)):]...)
			if err := did(x.next(name, next), f.write(c, off, piece)); err != nil {
				return err
			}
			data, off = data[len(piece):], off+len(piece)
		}
		if rng.IntN(3) == 0 {
			if err := f.sync(c); err != nil {
				return err
			}
			x.states, x.syncs = x.states[len(x.states)-1:], x.syncs+1
		}
		return f.close(c)
	case k < 8 && there:
		to := fmt.Sprint("f", rng.IntN(6))
		s := x.next(name, nil)
		s[to] = old
		return did(s, f.rename(x.dir+"/"+name, x.dir+"/"+to))
	case there:
		return did(x.next(name, nil), f.name(filesys.Unlink, x.dir+"/"+name))
	}
	return nil
}

// check looks whether one of the states is there, and goes on from it.
func (x *writer) check(t *testing.T, f *fileClient) {
	t.Helper()
	names, err := f.list(x.dir)
	for errors.Is(err, std.RPCFailure) {
		// It was sent to where the server had been, and again when no answer came on a
		// busy host: so it might have been carried out there.
		names, err = f.list(x.dir)
	}
	if err != nil {
		t.Fatalf("%s: %v", x.dir, err)
	}
	found := map[string][]byte{}
	for _, name := range names {
		c, err := f.open(x.dir + "/" + name)
		if err == nil {
			if found[name], err = f.read(c); err == nil {
				err = f.close(c)
			}
		}
		if err != nil {
			t.Fatalf("%s/%s: %v", x.dir, name, err)
		}
	}
	for i, s := range slices.Backward(x.states) {
		if maps.EqualFunc(s, found, bytes.Equal) {
			t.Logf("%s: state %d of %d since the last fsync", x.dir, i, len(x.states)-1)
			x.states = []map[string][]byte{found}
			return
		}
	}
	for name, data := range found {
		t.Logf("%s: %d bytes; at the last fsync %d, at last %d", name, len(data), len(x.states[0][name]), len(x.now()[name]))
	}
	t.Fatalf("%s is as it never was in %d states since the last fsync", x.dir, len(x.states))
}

// The power of the file server's node is cut at a random instant, again and again, while
// clients write files, sync, rename and remove them. Each time the files are as they were
// at the last fsync that was answered, or at some instant since.
func TestFiles_PowerCut(t *testing.T) {
	t.Parallel()
	// A file of a former life of the server that loses its name stays until the nodes of then
	// have said that they do not have it open, or for 30 s, and no life here is as long: the
	// disk has a megabyte for each.
	w := boot(t, harness.Options{DiskMB: 48 + *powerCuts, Deadline: time.Duration(*powerCuts+6) * 20 * time.Second})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var writers []*writer
	for i := range 3 {
		writers = append(writers, &writer{dir: fmt.Sprint("w", i), states: []map[string][]byte{{}}})
	}
	servers := w.keptFiles()
	first := w.fileClient(w.ctx)
	for _, x := range writers {
		w.must(first.name(filesys.Mkdir, x.dir))
	}
	w.must(first.sync(first.root))
	for cut := range *powerCuts {
		ctx, stop := context.WithCancel(w.ctx)
		var working sync.WaitGroup
		for i, x := range writers {
			working.Go(func() { x.work(t, w.fileClient(ctx), rand.New(rand.NewPCG(seed, uint64(cut*10+i+1)))) })
		}
		time.Sleep(time.Duration(rng.Int64N(int64(3 * time.Second)))) // the random instant
		w.Node(1).Kill()
		stop()
		working.Wait()
		for _, p := range servers {
			p.ended = true
		}
		w.Node(1).Restart()
		servers = w.keptFiles()
		key := api.Key(w.key)
		if wrong, text, err := w.bulletClient(w.ctx).Fsck(key.ServiceCap("bullet", 1)); wrong != 0 || err != nil {
			t.Fatalf("after %d power cuts: %d things wrong, %v\n%s", cut+1, wrong, err, text)
		}
		for _, x := range writers {
			x.check(t, w.fileClient(w.ctx))
		}
		if t.Failed() {
			return
		}
	}
	syncs := 0
	for _, x := range writers {
		syncs += x.syncs
	}
	t.Logf("%d power cuts, %d answered fsyncs", *powerCuts, syncs)
	if syncs < 3**powerCuts {
		t.Error("that is too few to say anything")
	}
}

// fsyncCommand defines one for shells.
const fsyncCommand = "fsync() { dd if=/dev/null of=$1 conv=notrunc,fsync 2>/dev/null; }\n"

// Programs on three nodes write and sync files. The file server's node dies and comes
// back: what was open goes on. Then all nodes are started anew: every line that was
// acknowledged is there.
func TestFiles_SurviveNodes(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	up := func() {
		t.Helper()
		c.ok("up", "-n", "3", "--servers", "--disk", "64M", "-m", "160")
		for node := 1; node <= 3; node++ {
			c.await("files on all nodes", func() bool {
				return c.motile(nil, "sh", strconv.Itoa(node), "grep -q /var /proc/mounts").status == 0
			})
		}
	}
	up()
	var writers []int32
	for node := 1; node <= 3; node++ {
		writers = append(writers, parsePID(t, c.ok("run", "-d", "--node", strconv.Itoa(node), "/bin/busybox", "sh", "-c", fmt.Sprintf(
			fsyncCommand+`exec 3>>/home/open%[1]d; echo before >&3; fsync /home/open%[1]d && echo open; until [ -e /go ]; do sleep 0.2; done; echo after >&3 && fsync /home/open%[1]d && echo went on
			i=0; while [ $i -lt 400 ]; do echo line $i >>/home/log%[1]d && fsync /home/log%[1]d && echo acknowledged $i; i=$((i+1)); done`, node))))
	}
	logs := func(i int) string { return c.ok("logs", strconv.Itoa(int(writers[i]))) }
	for i := range writers {
		c.await("the writers", func() bool { return strings.Contains(logs(i), "open") })
	}
	c.ok("node", "kill", "1")
	c.ok("node", "restart", "1")
	c.await("the file server", func() bool { return c.motile(nil, "sh", "2", "ls /home/open1").status == 0 })
	for i := 1; i < 3; i++ {
		c.ok("sh", strconv.Itoa(i+1), "touch /go")
		c.await("its going on", func() bool { return strings.Contains(logs(i), "went on") })
		c.await("lines", func() bool { return strings.Contains(logs(i), "acknowledged 10\n") })
	}
	if got := c.ok("sh", "1", "cat /home/open1 /home/open2 /home/open3"); got != "before\nbefore\nafter\nbefore\nafter\n" {
		t.Errorf("the open files have %q", got)
	}
	c.ok("sh", "3", fsyncCommand+"mkdir -p /srv/deep/er && busybox seq 1 30000 >/srv/deep/er/f && ln -s er/f /srv/deep/l && chmod 600 /srv/deep/er/f && fsync /srv/deep/er/f")
	acknowledged := make([]int, 3)
	for i := 1; i < 3; i++ {
		acknowledged[i] = strings.Count(logs(i), "acknowledged")
	}
	c.ok("down")
	up()
	for i := 1; i < 3; i++ {
		got := c.ok("sh", strconv.Itoa(i), fmt.Sprintf("cat /home/log%d", i+1))
		want := ""
		for k := range acknowledged[i] {
			want += fmt.Sprintf("line %d\n", k)
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("of %d acknowledged lines of node %d there are: %q", acknowledged[i], i+1, got)
		}
		t.Logf("node %d: %d lines acknowledged, %d there", i+1, acknowledged[i], strings.Count(got, "\n"))
	}
	if got, want := c.ok("sh", "2", "md5sum </srv/deep/l; stat -c %a /srv/deep/er/f; cat /home/open3"), c.ok("sh", "2", "busybox seq 1 30000 | md5sum")+"600\nbefore\nafter\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := c.ok("sh", "2", "std status service:file"); !strings.Contains(got, "safe") {
		t.Errorf("the status is\n%s", got)
	}
}

// Writers and readers of one another's files move about on three nodes in the middle of
// them, a node that is not the files' home dies, and then all are started anew: every line
// that was acknowledged is there, and readers have seen each in its order.
func TestFiles_Diaries(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	up := func() {
		t.Helper()
		c.ok("up", "-n", "3", "--servers", "--disk", "64M", "-m", "160", "--initrd", filepath.Join(harness.Top(t), "build/test.cpio"), "--kernel", filepath.Join(harness.Top(t), "build/kernel.elf"))
		for node := 1; node <= 3; node++ {
			c.await("files on all nodes", func() bool {
				return c.motile(nil, "sh", strconv.Itoa(node), "grep -q /var /proc/mounts").status == 0
			})
		}
	}
	up()
	last := func(pid int32, word string) int {
		out := c.motile(nil, "logs", strconv.Itoa(int(pid))).out
		i := strings.LastIndex(out, word+" ")
		if i < 0 || strings.Contains(out, "diary:") {
			if strings.Contains(out, "diary:") {
				t.Errorf("process %d says\n%s", pid, out[max(0, len(out)-400):])
			}
			return -1
		}
		n := -1
		_, _ = fmt.Sscan(out[i+len(word):], &n)
		return n
	}
	var writers, readers []int32
	for i, how := range []string{"write", "wsync", "write"} {
		writers = append(writers, c.start(i+1, c.guest("diary"), how, fmt.Sprintf("/srv/diary%d", i)))
	}
	for i, pid := range writers {
		c.await("its first line", func() bool { return last(pid, "acknowledged") >= 0 })
		readers = append(readers, c.start((i+1)%3+1, c.guest("diary"), "read", fmt.Sprintf("/srv/diary%d", i)))
	}
	for i := range 3 {
		w, r := writers[i], readers[i]
		before, seen := last(w, "acknowledged"), last(r, "read")
		c.ok("migrate", strconv.Itoa(int(w)), strconv.Itoa((i+1)%3+1))
		c.ok("migrate", strconv.Itoa(int(r)), strconv.Itoa((i+2)%3+1))
		c.await("more lines", func() bool { return last(w, "acknowledged") > before+2 })
		c.await("more lines that are read", func() bool { return last(r, "read") > max(seen, before) })
	}
	// Node 3 dies, with a writer and a reader.
	acknowledged := make([]int, 3)
	for i := range 3 {
		acknowledged[i] = last(writers[i], "acknowledged")
	}
	c.ok("node", "kill", "3")
	for i := range 3 {
		if got := c.ok("sh", "2", fmt.Sprintf("/test/diary check /srv/diary%d", i)); countOf(got) < acknowledged[i] {
			t.Errorf("of diary %d, line %d was acknowledged: %s", i, acknowledged[i], got)
		}
	}
	c.ok("node", "restart", "3")
	for i := range 3 {
		acknowledged[i] = max(acknowledged[i], last(writers[i], "acknowledged"))
	}
	c.ok("down")
	up()
	for i := range 3 {
		got := countOf(c.ok("sh", strconv.Itoa(i+1), fmt.Sprintf("/test/diary check /srv/diary%d", i)))
		if got < acknowledged[i] {
			t.Errorf("of diary %d, line %d was acknowledged, and the last is %d", i, acknowledged[i], got)
		}
		t.Logf("diary %d: line %d was acknowledged, %d is there", i, acknowledged[i], got)
	}
}

// countOf is the last number of a text.
func countOf(text string) (n int) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return -1
	}
	n, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return -1
	}
	return n
}
