package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"motile/ipc/capability"
	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc/api/client"
	"motile/servers/checkpoints"
	"motile/tools/attach"
)

const pageSize = abi.PageSize

// subject is what is looked at: a process, stopped at one instant.
type subject struct {
	*image.Descriptor
	name  string
	files *library

	file *checkpoints.File // nil: it runs
	live *client.Snapshot
	ctx  context.Context
	at   *attach.Attachment

	pages map[place][]byte // that were read; nil: zeros
	whole bool             // all pages were
}

// place is a page of a segment.
type place struct {
	segment int
	page    uint64
}

// open opens what the user has named: a file, if there is one of that name, else a pid.
func (o *options) open(what string) (*subject, error) {
	pid, err := strconv.ParseInt(what, 10, 32)
	_, stat := os.Stat(what)
	if err == nil && pid > 0 && errors.Is(stat, fs.ErrNotExist) {
		return o.openProcess(int32(pid))
	}
	key, err := o.key()
	if err != nil {
		return nil, err
	}
	f, err := checkpoints.Open(what, (*[32]byte)(&key))
	if err != nil {
		return nil, err
	}
	s := &subject{Descriptor: f.Descriptor, name: what, file: f, pages: make(map[place][]byte)}
	s.files = newLibrary(o.Exe, s)
	return s, nil
}

func (o *options) openProcess(pid int32) (*subject, error) {
	at, err := attach.Open(o.ctx, o.dir())
	if err != nil {
		return nil, err
	}
	live, err := at.Client.Process(pid).Snapshot(o.ctx, true)
	if err != nil {
		at.Close()
		return nil, err
	}
	s := &subject{Descriptor: live.Descriptor, name: fmt.Sprintf("process %d", pid), live: live, ctx: o.ctx, at: at, pages: make(map[place][]byte)}
	s.files = newLibrary(o.Exe, s)
	return s, nil
}

func (s *subject) close() {
	if s.live != nil {
		s.live.Drop(s.ctx)
		s.at.Close()
		return
	}
	s.file.Close()
}

// load reads all pages.
func (s *subject) load() error {
	if s.whole {
		return nil
	}
	s.whole = true
	keep := func(segment int, first, count uint64, data []byte) error {
		for i := range count {
			var page []byte
			if data != nil {
				page = data[i*pageSize : (i+1)*pageSize]
			}
			if isZero(page) {
				page = nil
			}
			s.pages[place{segment, first + i}] = page
		}
		return nil
	}
	if s.live == nil {
		return s.file.Pages(keep)
	}
	return s.live.EachPage(s.ctx, func(segment int, first uint64, data []byte) error {
		return keep(segment, first, uint64(len(data)/pageSize), data)
	})
}

// ahead is how many pages of a running process are read at once.
const ahead = 16

// page is a page that is in a segment; nil: of zeros.
func (s *subject) page(at place, run uint64) ([]byte, error) {
	if s.live == nil { // a sealed file is read from its start
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	page, ok := s.pages[at]
	if ok || s.whole {
		return page, nil
	}
	g := s.Segments[at.segment]
	c, ok := capability.Decode(g.Cap)
	if !ok {
		return nil, fmt.Errorf("segment %d: the image names it by no capability", at.segment)
	}
	data := make([]byte, min(run, ahead)*pageSize)
	if err := s.at.Client.SegmentWith(c, fmt.Sprintf("segment %d of %s", at.segment, s.name)).Read(s.ctx, data, at.page*pageSize); err != nil {
		return nil, err
	}
	for i := uint64(0); i*pageSize < uint64(len(data)); i++ {
		s.pages[place{at.segment, at.page + i}] = data[i*pageSize : (i+1)*pageSize]
	}
	return s.pages[at], nil
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
