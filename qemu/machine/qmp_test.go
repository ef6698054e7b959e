package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// fakeQEMU answers each command that comes with what reply says: a line, or
// several, in which ID stands for the command's.
func fakeQEMU(t *testing.T, greeting string, reply func(command string) string) net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		fmt.Fprintln(theirs, greeting)
		in := bufio.NewScanner(theirs)
		for in.Scan() {
			line := in.Text()
			_, id, _ := strings.Cut(line, `"id":`)
			answer := `{"return":{},"id":ID}`
			if !strings.Contains(line, "qmp_capabilities") {
				answer = reply(line)
			}
			if answer == "" {
				return
			}
			fmt.Fprintln(theirs, strings.ReplaceAll(answer, "ID", strings.TrimSuffix(id, "}")))
		}
	}()
	t.Cleanup(func() { ours.Close() })
	return ours
}

const greeting = `{"QMP": {"version": {}, "capabilities": []}}`

func TestQMP_RepliesAndEvents(t *testing.T) {
	conn := fakeQEMU(t, greeting, func(command string) string {
		switch {
		case strings.Contains(command, "query-status"):
			return `{"event":"STOP","timestamp":{}}` + "\n" + `{"return":{"status":"paused"},"id":ID}`
		case strings.Contains(command, "system_powerdown"):
			return `{"error":{"class":"GenericError","desc":"no button"},"id":ID}`
		}
		return ""
	})
	q, err := NewQMP(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := q.Status(t.Context()); s != "paused" || err != nil {
		t.Fatal(s, err)
	}
	if e := <-q.Events(); e.Name != "STOP" {
		t.Fatalf("%+v", e)
	}
	if err := q.Powerdown(t.Context()); err == nil || !strings.Contains(err.Error(), "no button") {
		t.Fatal(err)
	}
	if err := q.Cont(t.Context()); err == nil || !strings.Contains(err.Error(), "connection ended") {
		t.Fatal(err)
	}
	if _, open := <-q.Events(); open {
		t.Fatal("events from a dead QEMU")
	}
	if err := q.Cont(t.Context()); err == nil {
		t.Fatal("a dead QEMU obeys")
	}
}

func TestQMP_GivesUpOnASilentQEMU(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	conn := fakeQEMU(t, greeting, func(string) string { return " " })
	q, err := NewQMP(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	q.Close()
}

func TestQMP_NeedsAGreeting(t *testing.T) {
	if _, err := NewQMP(t.Context(), fakeQEMU(t, `{"hello":1}`, nil)); err == nil {
		t.Fatal("took anything for QEMU")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	silent, other := net.Pipe()
	defer other.Close()
	if _, err := NewQMP(ctx, silent); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}
