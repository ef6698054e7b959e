package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

const pageBytes = 4096

// pace is how often pages are written: often enough for a page to be written anew in each
// round of precopying, and seldom enough to cost nothing.
const pace = 10 * time.Millisecond

// holder has the working set. It is not on Go's heap, so that the collector leaves it
// alone.
type holder struct {
	memory []byte
	next   int     // page to be written
	owed   float64 // pages, parts of one among them
}

func hold(args []string) error {
	flags := flag.NewFlagSet("hold", flag.ContinueOnError)
	size := flags.Int("size", 0, "working set, `KB`")
	dirty := flags.Float64("dirty", 0, "`PAGES` written a second")
	touch := flags.Int("touch", 100, "`PERCENT` read at SIGUSR1")
	beat := flags.Int("beat", 0, "`MS` between lines; 0: none")
	port := flags.String("port", "", "serve empty requests to `GET`")
	seed := flags.Uint64("seed", 1, "of the random bytes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	h, err := newHolder(*size<<10, *seed)
	if err != nil {
		return err
	}
	if *port != "" {
		get, err := capability.ParsePort(*port)
		if err != nil {
			return err
		}
		go serve(get)
	}
	touches := make(chan os.Signal, 1)
	signal.Notify(touches, syscall.SIGUSR1)
	fmt.Println("ready")
	return h.live(*dirty, *touch, every(time.Duration(*beat)*time.Millisecond), touches)
}

func serve(get capability.Port) {
	err := lib.Serve(get, 0, func(*std.Header, []byte) []byte { return nil })
	fmt.Fprintln(os.Stderr, "worker:", err)
	os.Exit(1)
}

// every ticks, or never.
func every(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.Tick(d)
}

func newHolder(size int, seed uint64) (*holder, error) {
	h := new(holder)
	if size == 0 {
		return h, nil
	}
	var err error
	h.memory, err = syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS)
	rng := rand.NewPCG(seed, 0)
	for at := 0; at+8 <= len(h.memory); at += 8 {
		binary.LittleEndian.PutUint64(h.memory[at:], rng.Uint64())
	}
	return h, err
}

func (h *holder) pages() int { return len(h.memory) / pageBytes }

// live does what it is told until it is killed.
func (h *holder) live(dirty float64, touch int, beats <-chan time.Time, touches <-chan os.Signal) error {
	var writes <-chan time.Time
	if dirty > 0 && h.pages() > 0 {
		writes = every(pace)
	}
	last := time.Now()
	for {
		select {
		case <-writes:
			t := time.Now()
			h.write(dirty * min(t.Sub(last), 10*pace).Seconds())
			last = t
		case <-beats:
			node, err := lib.Node()
			if err != nil {
				return err
			}
			fmt.Printf("beat %d %d\n", node, now())
		case <-touches:
			start := time.Now()
			sum := h.read(touch)
			fmt.Printf("touched %d %x\n", time.Since(start), sum)
		}
	}
}

// write writes a word of so many pages. What a process could not do while it stood still
// it does not make up for: that would be a burst that no steady program has.
func (h *holder) write(pages float64) {
	for h.owed += pages; h.owed >= 1; h.owed-- {
		page := h.memory[h.next*pageBytes:]
		binary.LittleEndian.PutUint64(page, binary.LittleEndian.Uint64(page)+1)
		h.next = (h.next + 1) % h.pages()
	}
}

// read reads all words of a share of the pages, spread evenly.
func (h *holder) read(percent int) (sum uint64) {
	n := h.pages() * percent / 100
	for i := range n {
		page := h.memory[i*h.pages()/n*pageBytes:][:pageBytes]
		for at := 0; at < pageBytes; at += 8 {
			sum += binary.LittleEndian.Uint64(page[at:])
		}
	}
	return sum
}
