package e2e

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"motile/ipc/flip"
	"motile/qemu/harness"
)

// A minute of frames that mean nothing, and of frames that once meant something
// and are damaged: they are counted and dropped, and processes move all the while.

const (
	fuzzSeed   = 20
	fuzzTime   = time.Minute
	fuzzRate   = 2000 // frames a second
	fuzzEvery  = 20 * time.Millisecond
	maxCorpus  = 4000
	leastMoved = 3 // moves that succeed meanwhile
)

func TestFuzz_FramesForAMinute(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96, Deadline: 4 * time.Minute})
	t.Logf("seed %d", fuzzSeed)
	k := l.ticker(1, "20", "512")
	corpus := l.record(func() {
		for _, to := range []int{2, 1, 2, 1} {
			if m := <-k.move(to); m.err != nil {
				t.Fatal(m.err)
			}
			k.progress(5 * time.Second)
		}
	})
	before := l.malformed(1) + l.malformed(2)

	stop := make(chan struct{})
	sent := make(chan [2]int, 1)
	go func() {
		n, bad := l.fuzz(corpus, stop)
		sent <- [2]int{n, bad}
	}()
	at, tried, moves := 1, 0, 0
	for end := time.Now().Add(fuzzTime); time.Now().Before(end); {
		to := 3 - at
		m := <-k.move(to)
		tried++
		if m.err == nil {
			moves++
		} else {
			t.Logf("move to node %d: %v", to, m.err)
		}
		at = k.settled(40 * time.Second)
		k.progress(10 * time.Second)
		time.Sleep(time.Second)
	}
	close(stop)
	n := <-sent
	got := l.malformed(1) + l.malformed(2) - before
	t.Logf("%d frames made of %d, %d of them bad: the nodes dropped %d; %d of %d moves succeeded meanwhile",
		n[0], len(corpus), n[1], got, moves, tried)
	if moves < leastMoved {
		t.Errorf("only %d of %d moves succeeded", moves, tried)
	}
	if got < uint64(n[1])*9/10 { // the bridge may lose some
		t.Errorf("the nodes have dropped %d frames of %d", got, n[1])
	}
	to := 3 - at
	k.ended(<-k.move(to), at, to, "afterwards")
	k.progress(5 * time.Second)
	l.answers(1)
	l.answers(2)
}

// record returns frames to nodes that crossed the bridge while f ran.
func (l *robustLab) record(f func()) (corpus [][]byte) {
	var mu sync.Mutex
	l.Bridge().Watch(func(_ string, frame []byte) {
		mu.Lock()
		defer mu.Unlock()
		if node := bytes.HasPrefix(frame, []byte{0x52, 0x54, 0}) || frame[0]&1 == 1; node && len(corpus) < maxCorpus {
			corpus = append(corpus, bytes.Clone(frame))
		}
	})
	f()
	l.Bridge().Watch(nil)
	mu.Lock()
	defer mu.Unlock()
	return corpus
}

// malformed returns a node's counter of frames that no node sends.
func (l *robustLab) malformed(node int) uint64 {
	l.t.Helper()
	text, err := l.client.Node(node).Stats(l.within(10 * time.Second))
	if err != nil {
		l.t.Fatal(err)
	}
	m := regexp.MustCompile(`Malformed:? ?(\d+)`).FindStringSubmatch(text)
	if m == nil {
		l.t.Fatalf("no Malformed in %s", text)
	}
	n, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// fuzz sends frames until it is stopped, and returns how many those were, and how
// many of them are bad. The others are as they were, or padded, or damaged only in
// data that the check does not cover.
func (l *robustLab) fuzz(corpus [][]byte, stop <-chan struct{}) (n, bad int) {
	rng := rand.New(rand.NewPCG(fuzzSeed, 1))
	for tick := time.NewTicker(fuzzEvery); ; {
		select {
		case <-stop:
			tick.Stop()
			return n, bad
		case <-tick.C:
		}
		var batch [][]byte
		for len(batch) < fuzzRate*int(fuzzEvery)/int(time.Second) {
			f := damage(rng, corpus)
			var h flip.Header
			if _, ok := flip.Decode(&h, f); !ok {
				bad++
			}
			batch = append(batch, f)
		}
		l.Bridge().Inject(batch...)
		n += len(batch)
	}
}

// damage makes a frame.
func damage(rng *rand.Rand, corpus [][]byte) []byte {
	f := bytes.Clone(corpus[rng.IntN(len(corpus))])
	const ether, head = flip.EtherLen, flip.EtherLen + flip.HeaderLen
	random := func(b []byte) {
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	}
	switch kind := rng.IntN(10); kind {
	case 0: // noise
		f = append(f[:ether], make([]byte, rng.IntN(2000))...)
		random(f[ether:])
	case 1: // noise behind a good start
		if from := ether + rng.IntN(len(f)-ether); from < len(f) {
			random(f[from:])
		}
	case 2: // too short
		f = f[:ether+rng.IntN(len(f)-ether)]
	case 3: // too long
		f = append(f, make([]byte, rng.IntN(500))...)
	case 4: // the head of one, the rest of another
		if other := corpus[rng.IntN(len(corpus))]; len(f) > head && len(other) > head {
			cut := head + rng.IntN(min(len(f), len(other))-head)
			f = append(f[:cut], other[cut:]...)
		}
	case 5: // odd numbers for length, offset and total
		at := ether + 48 + 4*rng.IntN(3)
		binary.BigEndian.PutUint32(f[at:], [...]uint32{0, 1, 1 << 31, 1<<32 - 1, uint32(len(f)), 1 << 20, rng.Uint32()}[rng.IntN(7)])
	case 6: // an odd type
		f[ether+1] = byte(rng.Uint32())
	case 7: // again, as it was
	default: // a few bytes, more often those of the headers
		for range 1 + rng.IntN(6) {
			within := len(f)
			if rng.IntN(2) == 0 {
				within = min(within, head+88)
			}
			f[ether+rng.IntN(within-ether)] = byte(rng.Uint32())
		}
	}
	return f
}
