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
	"motile/ipc/rpc"
	"motile/qemu/harness"
)

// A minute of frames that mean nothing, and of frames that once meant something
// and are damaged: they are counted and dropped, and processes move all the while.

const (
	fuzzSeed   = 20
	fuzzTime   = time.Minute
	fuzzRate   = 300 // frames a second
	fuzzEvery  = 20 * time.Millisecond
	maxCorpus  = 4000
	leastMoved = 3 // moves that succeed meanwhile
)

func TestFuzz_FramesForAMinute(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 64, Deadline: 4 * time.Minute})
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
	before := []uint64{l.dropped(1), l.dropped(2)}

	stop := make(chan struct{})
	sent := make(chan int, 1)
	go func() { sent <- l.fuzz(corpus, stop) }()
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
	t.Logf("%d frames made of %d; %d of %d moves succeeded meanwhile", n, len(corpus), moves, tried)
	if moves < leastMoved {
		t.Errorf("only %d of %d moves succeeded", moves, tried)
	}
	for i := range 2 {
		if got := l.dropped(i+1) - before[i]; got < uint64(n/4) {
			t.Errorf("node %d has dropped %d frames of %d", i+1, got, n)
		} else {
			t.Logf("node %d has dropped %d frames", i+1, got)
		}
	}
	to := 3 - at
	k.ended(<-k.move(to), at, to, moveStep{name: "afterwards"})
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

// dropped sums a node's counters of frames and messages that came to nothing.
func (l *robustLab) dropped(node int) (n uint64) {
	l.t.Helper()
	text, err := l.Client().Node(node).Stats(l.within(10 * time.Second))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?:Malformed|Unwanted|Duplicates|StaleEpoch|Conflicts|JoinsDropped|TooLong|Strays|denied|strangers):? ?(\d+)`).FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			l.t.Fatal(err)
		}
		n += v
	}
	return n
}

// fuzz sends frames until it is stopped, and returns how many those were.
func (l *robustLab) fuzz(corpus [][]byte, stop <-chan struct{}) (n int) {
	rng := rand.New(rand.NewPCG(fuzzSeed, 1))
	for tick := time.NewTicker(fuzzEvery); ; {
		select {
		case <-stop:
			tick.Stop()
			return n
		case <-tick.C:
		}
		var batch [][]byte
		for len(batch) < fuzzRate*int(fuzzEvery)/int(time.Second) {
			if f := damage(rng, corpus); f != nil {
				batch = append(batch, f)
			}
		}
		l.Bridge().Inject(batch...)
		n += len(batch)
	}
}

// damage makes a frame. It returns nil for one that is not damaged but forged: with
// everything right but that it is another command, or another transaction of the
// same client. Frames carry no checksum, and the network is trusted that far.
func damage(rng *rand.Rand, corpus [][]byte) []byte {
	was := corpus[rng.IntN(len(corpus))]
	f := bytes.Clone(was)
	const ether, head = 14, 78
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
	if a, b, same := request(was), request(f), bytes.Equal(was[ether:], f[ether:]); !same && b != nil {
		if a == nil || a.Type != b.Type || a.Tid != b.Tid || a.Slot != b.Slot || a.Header.Command != b.Header.Command {
			return nil
		}
	}
	return f
}

// request is the RPC message in a frame, if there is one.
func request(frame []byte) *rpc.Summary {
	var h flip.Header
	payload, ok := flip.Decode(&h, frame)
	if !ok || h.Proto != flip.ProtoRPC || h.Offset != 0 {
		return nil
	}
	if s, ok := rpc.Summarize(payload); ok {
		return &s
	}
	return nil
}
