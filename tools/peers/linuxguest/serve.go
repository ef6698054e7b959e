package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"motile/tools/peers/orders"
)

// serve does what the console says, a line each.
func serve(console io.Reader) error {
	lines := bufio.NewScanner(console)
	for lines.Scan() {
		var o orders.Order
		var a orders.Answer
		err := json.Unmarshal(lines.Bytes(), &o)
		if err == nil {
			a, err = do(&o)
		}
		if err != nil {
			a.Error = err.Error()
		}
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		fmt.Printf("%s%s\n", orders.Mark, line)
	}
	return errors.Join(lines.Err(), errors.New("the console has ended"))
}

func do(o *orders.Order) (a orders.Answer, err error) {
	switch o.Do {
	case orders.Ping:
		a.Ns, err = timed("ping", o.Kind, o.Peer, strconv.Itoa(o.Bytes), strconv.Itoa(o.N))
	case orders.Bulk:
		a.Ns, err = timed("bulk", o.Peer, strconv.Itoa(o.Bytes), strconv.Itoa(o.N))
	case orders.Work:
		a.PID, err = startWorker(o.Bytes, o.N)
	case orders.Gap:
		a.Gap, _, err = gap(o.PID)
	case orders.Kill:
		err = killWorker(o.PID)
	case orders.Move:
		s, err := sourceTo(o.Peer)
		if err != nil {
			return a, err
		}
		return s.move(o)
	default:
		err = fmt.Errorf("no order %q is known", o.Do)
	}
	return a, err
}

// timed runs a program of ours that prints times.
func timed(args ...string) (ns []int64, err error) {
	var errs strings.Builder
	c := self(args...)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	for field := range strings.FieldsSeq(string(out)) {
		v, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return nil, err
		}
		ns = append(ns, v)
	}
	return ns, nil
}

// self is a program of ours. The runtime is not to interrupt it in system calls that it
// knows nothing of.
func self(args ...string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", args...)
	c.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	c.Stderr = os.Stderr
	return c
}
