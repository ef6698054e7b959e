package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/bridge/pcapng"
)

func TestCapture(t *testing.T) {
	dir := upDir(t, "-n", "1")
	t.Chdir(dir) // file names are ours, not the daemon's
	file := filepath.Join(dir, "c.pcapng")
	r := ok(t, motile(t, "--dir", ".", "capture", "-o", "c.pcapng", "--for", "50ms"))
	if !strings.Contains(r.out, file+": 0 frames") || !strings.Contains(r.err, "recording into "+file) {
		t.Fatalf("%+v", r)
	}
	ok(t, motile(t, "--dir", ".", "capture", "-o", "c.pcapng", "-d"))
	if r := motile(t, "--dir", ".", "capture", "-o", "d.pcapng", "-d"); r.status == 0 || !strings.Contains(r.err, file) {
		t.Fatalf("%+v", r)
	}
	host, err := bridge.Dial(filepath.Join(dir, "sock", "hosts"))
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Send(make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(ok(t, motile(t, "--dir", ".", "bridge")).out, "1 frames, 0 missed") {
		time.Sleep(10 * time.Millisecond)
	}
	if r := ok(t, motile(t, "--dir", ".", "capture", "--stop")); !strings.Contains(r.out, "1 frames, 60 bytes") {
		t.Fatalf("%+v", r)
	}
	in, err := pcapng.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if p, err := in.Next(); err != nil || len(p.Frame) != 60 {
		t.Fatalf("%+v, %v", p, err)
	}
	if r := motile(t, "--dir", ".", "capture"); r.status != exitUsage {
		t.Fatalf("%+v", r)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	go func() { // once it records
		for interrupted.Err() == nil {
			if _, err := os.Stat("c.pcapng"); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if r := ok(t, motileWith(t, interrupted, os.Stdin, "--dir", ".", "capture", "-o", "c.pcapng")); !strings.Contains(r.out, "0 frames") {
		t.Fatalf("%+v", r)
	}
}
