package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// job is what CRIU is to do.
type job struct {
	do     string // dump, pre-dump, restore, page-server or lazy-pages
	pid    int    // of a dump
	dir    string // of images
	prev   string // the images before, from dir; else empty
	server string // who has or wants pages: an address; else empty
	track  bool   // remember which pages are written to from now on
	lazy   bool   // leave pages where they are

	resident bool // the service does it
}

// command is CRIU as one types it.
func (j *job) command() *exec.Cmd {
	args := []string{j.do, "--images-dir", j.dir, "--log-file", j.do + ".log", "-v1"}
	add := func(really bool, words ...string) {
		if really {
			args = append(args, words...)
		}
	}
	add(j.pid != 0, "--tree", strconv.Itoa(j.pid))
	add(j.do == "restore", "--restore-detached")
	add(j.prev != "", "--prev-images-dir", j.prev)
	add(j.track, "--track-mem")
	add(j.lazy && j.do != "lazy-pages", "--lazy-pages")
	if j.server != "" {
		add(j.do != "page-server" && !(j.lazy && j.do == "dump"), "--page-server")
		add(true, "--address", j.server, "--port", strconv.Itoa(pagePort))
	}
	return exec.Command("/criu", args...)
}

// run does the job to its end.
func (j *job) run() error {
	if j.resident {
		return j.ask()
	}
	out, err := j.command().CombinedOutput()
	if err == nil {
		return nil
	}
	return j.fail(fmt.Errorf("%w: %s", err, out))
}

// fail adds the end of CRIU's log to an error.
func (j *job) fail(err error) error {
	log, _ := os.ReadFile(filepath.Join(j.dir, j.do+".log"))
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return fmt.Errorf("criu %s: %w; its log ends: %s", j.do, err, strings.Join(lines[max(0, len(lines)-12):], " | "))
}

// imageBytes is how much is in a folder of images.
func imageBytes(dir string) (sum int64, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		info, e := f.Info()
		err = errors.Join(err, e)
		if e == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum, err
}
