package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

// exchange is one request and its reply.
type exchange struct {
	phase      int32
	begin, end int64
}

func poll(args []string) error {
	flags := flag.NewFlagSet("poll", flag.ContinueOnError)
	port := flags.String("port", "", "`PUT` of the server")
	us := flags.Int("every", 1000, "`US` between requests")
	most := flags.Int("most", 60_000, "requests that are remembered")
	if err := flags.Parse(args); err != nil {
		return err
	}
	put, err := capability.ParsePort(*port)
	if err != nil {
		return err
	}
	var phase, ended atomic.Int32
	marks := make(chan os.Signal, 4)
	signal.Notify(marks, syscall.SIGUSR1, syscall.SIGTERM)
	go func() {
		for s := range marks {
			if s == syscall.SIGTERM {
				ended.Store(1)
			}
			phase.Add(1)
		}
	}()
	fmt.Println("ready")
	seen, failed := make([]exchange, 0, *most), 0
	runtime.LockOSThread()
	period := int64(*us) * 1000
	for next := now(); ended.Load() == 0; next += period {
		// One that is late asks at once, but does not make up for what it has missed.
		next = max(next, now()-period)
		if d := next - now(); d > 0 {
			t := syscall.NsecToTimespec(d)
			_ = syscall.Nanosleep(&t, nil) // cut short by a signal: a little early
		}
		e := exchange{phase: phase.Load(), begin: now()}
		_, err := lib.Trans(&std.Header{Port: put}, nil, nil)
		e.end = now()
		switch {
		case err != nil:
			failed++
			time.Sleep(time.Millisecond)
		case len(seen) < cap(seen):
			seen = append(seen, e)
		}
	}
	return show(seen, failed)
}

func show(seen []exchange, failed int) error {
	out := bufio.NewWriter(os.Stdout)
	for _, e := range seen {
		fmt.Fprintln(out, e.phase, e.begin, e.end)
	}
	if failed > 0 {
		fmt.Fprintln(out, "failed", failed)
	}
	return out.Flush()
}
