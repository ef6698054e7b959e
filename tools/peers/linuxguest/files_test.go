package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestCopyFolder: what is sent arrives at the same path, below another root, but for logs.
func TestCopyFolder(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	there := filepath.Join(root, dir)
	if err := os.MkdirAll(there, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"pages-1.img": bytes.Repeat([]byte("image"), 100_000), "empty.img": {}, "dump.log": []byte("talk")}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			receiveFiles(c, root)
			c.Close()
		}
	}()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 { // a connection serves many moves
		if err := sendFolder(c, dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(there, name))
		switch {
		case name == "dump.log" && err == nil:
			t.Error("a log was copied")
		case name != "dump.log" && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
	if n, err := imageBytes(there); err != nil || n != int64(len(files["pages-1.img"])) {
		t.Errorf("%d bytes of images, %v", n, err)
	}
}
