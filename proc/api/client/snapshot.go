package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/checkpoint"
	"motile/migrate/image"
	"motile/proc/api"
)

// Snapshot is a process as it was at one instant. Its node holds it until Drop.
type Snapshot struct {
	*Segment // whose content is the image
	*image.Descriptor
	api.SnapshotReply
	PID int32
}

// Snapshot writes the process down as it is. It goes on meanwhile, and does not notice.
// residual: even if something that is its node's own, and that the image refers to,
// stays behind.
func (p *Process) Snapshot(ctx context.Context, residual bool) (*Snapshot, error) {
	s := &Snapshot{PID: p.PID}
	for {
		h := &std.Header{Command: api.Snapshot}
		if residual {
			h.Extra = 1
		}
		reply, out, err := p.call(ctx, h, nil)
		if isStatus(err, std.NotNow) && p.again(ctx, err) { // it moves: where it is going it can be asked
			continue
		}
		if err == nil {
			err = image.Unmarshal(out, &s.SnapshotReply)
		}
		switch {
		case err != nil:
			return nil, err
		case s.Refused != "":
			return nil, p.sentence(s.Refused)
		}
		s.Segment = p.c.SegmentWith(reply.Capability(), fmt.Sprintf("snapshot of process %d on node %d", p.PID, s.SnapshotReply.Node))
		break
	}
	if err := s.describe(ctx); err != nil {
		s.Drop(ctx)
		return nil, err
	}
	return s, nil
}

// sentence is an error of what a node says, which may name the process or not.
func (p *Process) sentence(text string) error {
	if strings.HasPrefix(text, p.name) {
		return errors.New(text)
	}
	return fmt.Errorf("%s: %s", p.name, text)
}

// describe takes the image apart, after getting it if it was too long for the reply.
func (s *Snapshot) describe(ctx context.Context) error {
	if len(s.Image) == 0 {
		size, err := s.Size(ctx)
		if err != nil {
			return err
		}
		if size > maxImage {
			return &Error{s.name, fmt.Sprintf("its image has %d bytes, more than %d", size, maxImage), errors.New("too long")}
		}
		s.Image = make([]byte, size)
		if err := s.Read(ctx, s.Image, 0); err != nil {
			return err
		}
	}
	recs, err := image.Read(s.Image)
	if err == nil {
		s.Descriptor, err = image.Describe(recs)
	}
	if err == nil && s.Lineage == nil {
		err = errors.New("the image has no lineage")
	}
	if err != nil {
		return &Error{s.name, err.Error(), err}
	}
	return nil
}

// maxImage bounds an image without pages.
const maxImage = 64 << 20

// piece is a part of a run of pages that is being read.
type piece struct {
	segment int
	first   uint64
	data    []byte
	err     error
	done    chan struct{}
}

// EachPage calls f with the pages of the segments, in order. Several requests are under
// way at a time.
func (s *Snapshot) EachPage(ctx context.Context, f func(segment int, first uint64, data []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan *piece, segmentWindow-1)
	defer func() {
		cancel()
		for p := range queue { // nobody reads any more when this is over
			<-p.done
		}
	}()
	go s.readAhead(ctx, queue)
	for p := range queue {
		<-p.done
		if ctx.Err() != nil {
			break
		}
		if p.err != nil {
			return p.err
		}
		if err := f(p.segment, p.first, p.data); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// readAhead reads pieces in order, as many at a time as the queue has room for.
func (s *Snapshot) readAhead(ctx context.Context, queue chan<- *piece) {
	defer close(queue)
	for i, g := range s.Segments {
		cap, ok := capability.Decode(g.Cap)
		seg := s.c.SegmentWith(cap, fmt.Sprintf("segment %d of process %d, on node %d", i, s.PID, s.SnapshotReply.Node))
		for k := 0; k < len(g.Runs); k += 2 {
			for first, end := g.Runs[k], g.Runs[k]+g.Runs[k+1]; first < end; {
				n := min(end-first, segmentPiece/pageBytes)
				p := &piece{segment: i, first: first, data: make([]byte, n*pageBytes), done: make(chan struct{})}
				select {
				case queue <- p:
				case <-ctx.Done():
					return
				}
				go func() {
					defer close(p.done)
					if !ok {
						p.err = &Error{seg.name, "the image names it by no capability", errors.New("malformed reply")}
						return
					}
					p.err = seg.Read(ctx, p.data, p.first*pageBytes)
				}()
				first += n
			}
		}
	}
}

// Progress hears how much of something is done, in bytes. It may be nil.
type Progress func(done, total int64)

func (f Progress) say(done, total int64) {
	if f != nil {
		f(done, total)
	}
}

// Write writes the snapshot to a file: its pages, and, with files, those files the
// process uses that are not on every node.
func (s *Snapshot) Write(ctx context.Context, w *checkpoint.Writer, files bool, progress Progress) error {
	done, total := int64(0), int64(0)
	for _, g := range s.Segments {
		total += int64(g.Pages()) * pageBytes
	}
	err := s.EachPage(ctx, func(segment int, first uint64, data []byte) error {
		done += int64(len(data))
		progress.say(done, total)
		return w.Pages(segment, first, data)
	})
	if err != nil || !files {
		return err
	}
	list, err := s.Files(ctx)
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := w.File(f.Digest, f.Path, f.Size, io.NewSectionReader(f.ReaderAt, 0, f.Size)); err != nil {
			return err
		}
	}
	return nil
}

// NodeFile is a file of a node.
type NodeFile struct {
	File
	Path string
	Boot bool // every node has it
}

// Files are those that the process uses, as the node of the snapshot has them, except
// those that came with the boot archive.
func (s *Snapshot) Files(ctx context.Context) ([]*NodeFile, error) {
	var list []*NodeFile
	for _, d := range Digests(s.Descriptor) {
		f, err := s.c.Node(s.SnapshotReply.Node).File(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("process %d uses %s: %w", s.PID, PathOf(s.Descriptor, d), err)
		}
		if !f.Boot {
			list = append(list, f)
		}
	}
	return list, nil
}

// Digests are those of the files that a process uses, once each.
func Digests(d *image.Descriptor) (list [][32]byte) {
	add := func(digest []byte) {
		if len(digest) == 32 && !slices.Contains(list, [32]byte(digest)) {
			list = append(list, [32]byte(digest))
		}
	}
	for _, s := range d.Process.Stores {
		add(s.Digest)
	}
	for _, f := range d.Process.Files {
		add(f.Digest)
	}
	return list
}

// PathOf is where a file that a process uses was found.
func PathOf(d *image.Descriptor, digest [32]byte) string {
	for _, s := range d.Process.Stores {
		if bytes.Equal(s.Digest, digest[:]) && s.Path != "" {
			return s.Path
		}
	}
	for _, f := range d.Process.Files {
		if bytes.Equal(f.Digest, digest[:]) && f.Path != "" {
			return f.Path
		}
	}
	return fmt.Sprintf("a file with digest %x…", digest[:6])
}
