package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/tools/experiments/record"
)

// subject is a process that is moved or watched.
type subject struct {
	*client.Process
	lines chan line // as they arrive
	seen  []line    // those that somebody has looked at

	stop context.CancelFunc
	err  error // why there are no more lines, once the channel is closed
}

// line is one that the process printed.
type line struct {
	at   time.Time // when it was here
	text string
}

// start runs a program of qemu/guest, and waits for its first line.
func (l *lab) start(ctx context.Context, node int, program string, args ...string) (*subject, error) {
	p, err := l.Start(ctx, node, program, args...)
	if err != nil {
		return nil, err
	}
	following, stop := context.WithCancel(ctx)
	// A process that does as it is told prints a line every few milliseconds; nobody
	// looks at them for some seconds.
	s := &subject{Process: p, lines: make(chan line, 1<<16), stop: stop}
	go s.follow(following)
	if _, err := s.await(ctx, func(string) bool { return true }); err != nil {
		return nil, errors.Join(s.unable(ctx, program, err), s.end(ctx))
	}
	return s, nil
}

// unable says why a program did not begin: that is not what is to be measured.
func (s *subject) unable(ctx context.Context, program string, err error) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	if status, waited := s.Wait(ctx); waited == nil {
		return fmt.Errorf("%s did not begin: %s", program, client.Ending(status))
	}
	return fmt.Errorf("%s: %v", program, err)
}

// follow reads the process's log until that ends or nobody wants it any more.
func (s *subject) follow(ctx context.Context) {
	defer close(s.lines)
	rest := ""
	for at := int64(0); ; {
		text, first, err := s.Log(ctx, at, 64<<10, true)
		if err != nil || len(text) == 0 {
			s.err = err
			return
		}
		now := time.Now()
		at = first + int64(len(text))
		rest += string(text)
		for {
			one, more, ok := strings.Cut(rest, "\n")
			if !ok {
				break
			}
			rest = more
			s.lines <- line{now, one}
		}
	}
}

// await waits for a line. A process that has ended does not print one: whoever has moved
// it must say that.
func (s *subject) await(ctx context.Context, fits func(text string) bool) (line, error) {
	for {
		select {
		case <-ctx.Done():
			return line{}, context.Cause(ctx)
		case next, ok := <-s.lines:
			if !ok {
				return line{}, impossible{errors.Join(errors.New("the process ended"), s.err)}
			}
			s.seen = append(s.seen, next)
			if fits(next.text) {
				return next, nil
			}
		}
	}
}

// end kills the process.
func (s *subject) end(ctx context.Context) error {
	s.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	err := s.Destroy(ctx)
	if client.Gone(err) {
		return nil
	}
	return err
}

// endWithin is how long a process may take to die.
const endWithin = 10 * time.Second

// touch has a worker read a part of its memory, and returns how long that took, ms.
func (s *subject) touch(ctx context.Context) (float64, error) {
	if err := s.Signal(ctx, int(syscall.SIGUSR1)); err != nil {
		return 0, err
	}
	l, err := s.await(ctx, func(text string) bool { return strings.HasPrefix(text, "touched ") })
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseFloat(strings.Fields(l.text)[1], 64)
	return ns / 1e6, err
}

// move moves the process. That it was not moved, or did not survive it, is part of the
// record.
func (s *subject) move(ctx context.Context, m client.Move) (record.Measurement, api.MoveReport, error) {
	start := time.Now()
	r, err := s.Migrate(ctx, m)
	took := time.Since(start)
	if err != nil {
		return record.Measurement{}, r.Report, refused(err)
	}
	values := reported(&r.Report)
	values["order_ms"] = ms(took)
	return record.Measurement{Values: values, Used: used(m.Strategy, &r.Report), Note: r.Report.Note}, r.Report, nil
}

var whose = regexp.MustCompile(`process \d+: `)

// refused is why a process was not moved, without its number: that is another one each
// time.
func refused(err error) error { return impossible{errors.New(whose.ReplaceAllString(err.Error(), ""))} }

// used is the strategy by which a process moved, if it is not the one that was asked for.
func used(asked string, r *api.MoveReport) string {
	if r.Strategy == asked {
		return ""
	}
	return r.Strategy
}

// reported is what the report of a move says.
func reported(r *api.MoveReport) record.Values {
	v := record.Values{
		"sent_bytes": float64(r.Bytes), "state_bytes": float64(r.StateBytes),
		"sent_pages": float64(r.Pages), "zero_pages": float64(r.ZeroPages), "file_pages": float64(r.FilePages),
		"resent_pages": float64(r.Resent), "left_pages": float64(r.Left), "rounds": float64(len(r.Rounds)),
	}
	for name, us := range map[string]int64{
		"total_ms": r.TotalUs, "freeze_ms": r.FreezeUs, "negotiate_ms": r.NegotiateUs, "precopy_ms": r.PrecopyUs,
		"transfer_ms": r.TransferUs, "commit_ms": r.CommitUs, "first_run_ms": r.FirstRunUs,
	} {
		v[name] = float64(us) / 1e3
	}
	return v
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// settleWithin is how long a process may need the node that it has left.
const settleWithin = time.Minute

// settled waits until nothing of the process is left behind.
func (s *subject) settled(ctx context.Context) error {
	for deadline := time.Now().Add(settleWithin); ; {
		info, err := s.Info(ctx)
		switch {
		case err != nil || len(info.Residuals) == 0:
			return err
		case time.Now().After(deadline):
			return impossible{fmt.Errorf("it still needs %s after %v", strings.Join(info.Residuals, ", "), settleWithin)}
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// warmUp moves a small process there and back: emulators translate code when it first
// runs, and nodes look for each other.
func (l *lab) warmUp(ctx context.Context) error {
	s, err := l.start(ctx, source, "idle", "100")
	if err != nil {
		return err
	}
	for _, to := range []int{target, source, target} {
		if _, err := s.Migrate(ctx, client.Move{Target: to}); err != nil {
			return errors.Join(err, s.end(ctx))
		}
	}
	return s.end(ctx)
}

// number is an axis's value.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err) // an axis of ours
	}
	return n
}

// texts makes the values of an axis.
func texts(numbers ...int) (all []string) {
	for _, n := range numbers {
		all = append(all, strconv.Itoa(n))
	}
	return all
}

// bulk is how long the drivers take to carry what a move has sent, ms.
func (l *lab) bulk(ctx context.Context, r *api.MoveReport) (float64, error) {
	ns, err := l.Carry(ctx, source, target, int(r.Bytes)+r.StateBytes)
	return ns / 1e6, err
}
