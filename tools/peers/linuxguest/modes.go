package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// The modes return when the process began to stand still for the last time, at the
// earliest, and when CRIU said that it runs at the target, at the latest.

// full is dump, copy, restore: one after the other.
func (s *source) full(pid int) (began, ran int64, err error) {
	if began, err = s.byFiles(&job{do: "dump", pid: pid, dir: images}); err != nil {
		return 0, 0, err
	}
	ran, err = s.restore(images, false)
	return began, ran, err
}

// byFiles has CRIU write images here, and copies them.
func (s *source) byFiles(j *job) (began int64, err error) {
	if err := s.folder(j.dir, j.prev); err != nil {
		return 0, err
	}
	began = time.Now().UnixNano()
	if err := s.criu(j); err != nil {
		return 0, err
	}
	return began, s.copy(j.dir)
}

// pageServer has pages written at the target, not here.
func (s *source) pageServer(pid int) (began, ran int64, err error) {
	if began, err = s.toServer(&job{do: "dump", pid: pid, dir: images}); err != nil {
		return 0, 0, err
	}
	ran, err = s.restore(images, false)
	return began, ran, err
}

// preDumps is how often pages are sent while the process runs.
const preDumps = 2

// iterative sends what has changed since, again and again, and iterativeServer as well.
func (s *source) iterative(pid int) (began, ran int64, err error) {
	return s.again(pid, s.byFiles)
}

func (s *source) iterativeServer(pid int) (began, ran int64, err error) {
	return s.again(pid, s.toServer)
}

func (s *source) again(pid int, send func(*job) (int64, error)) (began, ran int64, err error) {
	prev := ""
	for i := range preDumps {
		dir := fmt.Sprintf("%s-%d", images, i)
		if _, err = send(&job{do: "pre-dump", pid: pid, dir: dir, prev: prev, track: true}); err != nil {
			return 0, 0, err
		}
		prev = "../" + filepath.Base(dir) // CRIU wants it from there
	}
	if began, err = send(&job{do: "dump", pid: pid, dir: images, prev: prev, track: true}); err != nil {
		return 0, 0, err
	}
	ran, err = s.restore(images, false)
	return began, ran, err
}

// toServer has CRIU send pages to a server at the target, and copies the rest.
func (s *source) toServer(j *job) (began int64, err error) {
	if err := s.folder(j.dir, ""); err != nil {
		return 0, err
	}
	at := Job{Dir: j.dir, Prev: j.prev, Resident: s.resident}
	if err := s.step("page-server", func() error { return s.call("PageServer", at, new(Void)) }); err != nil {
		return 0, err
	}
	began = time.Now().UnixNano()
	j.server = s.peer
	if err := s.criu(j); err != nil {
		return 0, err
	}
	if err := s.call("PagesDone", Void{}, new(Void)); err != nil {
		return 0, err
	}
	if err := s.copy(j.dir); err != nil {
		return 0, err
	}
	var there int64
	err = s.call("Size", j.dir, &there)
	s.bytes += there - s.copied // pages
	return began, err
}

// lazyPages restores the process without its pages, and returns when all have followed.
func (s *source) lazyPages(pid int) (began, ran int64, err error) {
	if err := s.folder(images, ""); err != nil {
		return 0, 0, err
	}
	began = time.Now().UnixNano()
	j := &job{do: "dump", pid: pid, dir: images, server: "0.0.0.0", lazy: true, resident: s.resident}
	served := make(chan error, 1)
	err = s.step("dump", func() error {
		go func() { served <- j.run() }() // it ends when all pages have been fetched
		return awaitListener(pagePort)
	})
	if err != nil {
		return 0, 0, err
	}
	if err := s.copy(images); err != nil {
		return 0, 0, err
	}
	err = s.step("lazy-pages", func() error {
		return s.call("LazyPages", Job{Dir: images, Server: s.here()}, new(Void))
	})
	if err != nil {
		return 0, 0, err
	}
	if ran, err = s.restore(images, true); err != nil {
		return 0, 0, err
	}
	err = s.step("the other pages", func() error { return errors.Join(s.call("LazyDone", Void{}, new(Void)), <-served) })
	return began, ran, err
}
