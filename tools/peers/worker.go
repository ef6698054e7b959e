package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"motile/proc/api/client"
)

// workerFile is the program that is moved, by us and by others (tools/peers/worker).
const workerFile = "build/worker"

// put brings a program to both nodes and returns its path there.
func (b *bed) put(ctx context.Context, file string) (path string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := client.NewFile(f)
	if err != nil {
		return "", err
	}
	path = content.Place(filepath.Base(file))
	for node := 1; node <= 2; node++ {
		if err := b.Client.Node(node).PutFile(ctx, content, path); err != nil {
			return "", err
		}
	}
	return path, nil
}

// worker is one that runs on a node.
type worker struct {
	*client.Process
	read int64 // of what it has printed
}

// startWorker returns when it has its memory.
func (b *bed) startWorker(ctx context.Context, path string, size, pages int) (*worker, error) {
	p, err := b.StartPath(ctx, 1, path, strconv.Itoa(size), strconv.Itoa(pages), "-")
	if err != nil {
		return nil, err
	}
	w := &worker{Process: p}
	_, err = w.line(ctx, "ready")
	return w, err
}

// gap asks for the longest time between two of its looks at the clock, in ns.
func (w *worker) gap(ctx context.Context) (float64, error) {
	if err := w.Signal(ctx, int(syscall.SIGUSR1)); err != nil {
		return 0, err
	}
	line, err := w.line(ctx, "gap ")
	if err != nil {
		return 0, err
	}
	var ns, end float64
	_, err = fmt.Sscanf(line, "gap %g %g", &ns, &end)
	return ns, err
}

// line is the next that it prints.
func (w *worker) line(ctx context.Context, start string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	text, _, err := w.Log(ctx, w.read, 4<<10, true)
	if err != nil {
		return "", err
	}
	w.read += int64(len(text))
	if !strings.HasPrefix(string(text), start) {
		return "", fmt.Errorf("worker %d says %q", w.PID, text)
	}
	return string(text), nil
}
