package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

const (
	pageBytes = 4096
	beat      = time.Millisecond
)

func main() {
	fmt.Fprintln(os.Stderr, "worker:", run(os.Args[1:]))
	os.Exit(1)
}

// run returns only if something went wrong.
func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: worker BYTES PAGES REPORT")
	}
	size, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	pages, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(1)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	set, err := fill(size)
	if err != nil {
		return err
	}
	w := worker{set: set, pages: pages, report: args[2], last: now(), began: now()}
	if err := w.say("ready\n"); err != nil {
		return err
	}
	for {
		select {
		case <-asked:
			w.look(now())
			if err := w.say(fmt.Sprintf("gap %d %d\n", w.gap, w.gapEnd)); err != nil {
				return err
			}
			w.gap, w.last = 0, now() // to report is no gap
		default:
		}
		time.Sleep(beat)
		w.look(now())
	}
}

// fill is memory of the kernel's, not of Go's heap, so that nothing else is in it.
func fill(size int) ([]byte, error) {
	set, err := syscall.Mmap(-1, 0, (size+pageBytes-1)/pageBytes*pageBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil, err
	}
	rand.NewChaCha8([32]byte{'w'}).Read(set)
	return set, nil
}

// worker is between two looks at the clock. Times are of the wall clock, in ns: it is the
// one that two machines can agree about.
type worker struct {
	set    []byte
	pages  int // to be written to in a second
	report string

	began   int64
	written int // pages since then
	next    int // the page to be written to, as an offset in set
	last    int64
	gap     int64 // the longest
	gapEnd  int64
}

// now is without Go's monotonic clock, which says nothing on another machine.
func now() int64 { return time.Now().UnixNano() }

// look is at the clock, which says t.
func (w *worker) look(t int64) {
	if d := t - w.last; d > w.gap {
		w.gap, w.gapEnd = d, t
	}
	w.last = t
	if w.pages == 0 {
		return
	}
	due := int((t - w.began) * int64(w.pages) / 1e9)
	// What was missed while it stood still is not made up for.
	if due > w.written+1+w.pages/50 {
		w.began, w.written, due = t, 0, 0
	}
	for ; w.written < due; w.written++ {
		w.set[w.next]++
		w.next = (w.next + pageBytes) % len(w.set)
	}
}

func (w *worker) say(line string) error {
	if w.report == "-" {
		_, err := os.Stdout.WriteString(line)
		return err
	}
	f, err := os.OpenFile(w.report, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line); err != nil {
		return err
	}
	return f.Close()
}
