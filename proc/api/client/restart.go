package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"motile/kernel/abi"
	"motile/migrate/checkpoint"
	"motile/migrate/image"
	"motile/proc/api"
)

const pageBytes = abi.PageSize

// Restart makes a process of a checkpoint on the node. q says what its descriptors 0 to
// 2 become, and whether it is detached.
func (n *Node) Restart(ctx context.Context, c *checkpoint.Checkpoint, q api.ExecRequest, progress Progress) (r api.ExecReply, err error) {
	segments, made, err := n.segmentsOf(ctx, c.Segments)
	defer func() {
		for _, s := range made {
			s.Drop(ctx)
		}
	}()
	if err != nil {
		return r, err
	}
	if err := n.fill(ctx, c, made, progress); err != nil {
		return r, err
	}
	if q.Image, err = c.Encode(segments); err != nil {
		return r, err
	}
	return n.execImage(ctx, &q, func(digest [32]byte) (*NodeFile, error) {
		file, ok := c.Has(digest)
		if !ok {
			return nil, fmt.Errorf("node %d lacks %s, and the checkpoint does not have it: put it there (motile run sends programs), or take checkpoints without --no-files",
				n.Number, PathOf(c.Descriptor, digest))
		}
		content, err := c.Content(digest)
		return &NodeFile{File: File{bytes.NewReader(content), file.Size, digest}, Path: file.Path}, err
	})
}

// segmentsOf makes segments on the node, and returns the list that names them.
func (n *Node) segmentsOf(ctx context.Context, of image.Segments) (list image.Segments, made []*Segment, err error) {
	list = slices.Clone(of)
	for i := range list {
		s, err := n.Segment(ctx, list[i].Size)
		if err != nil {
			return nil, made, err
		}
		made = append(made, s)
		list[i].Cap = s.cap.Append(nil)
	}
	return list, made, nil
}

// fill writes the pages of a checkpoint that are not zero. Several requests are under
// way at a time.
func (n *Node) fill(ctx context.Context, c *checkpoint.Checkpoint, made []*Segment, progress Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var work sync.WaitGroup
	window := make(chan struct{}, segmentWindow)
	done, total := int64(0), int64(c.Stats.Raw+c.Stats.LZ4)*pageBytes
	err := c.Pages(func(segment int, first, _ uint64, data []byte) error {
		for off := first * pageBytes; len(data) > 0; {
			p := data[:min(len(data), segmentPiece)]
			select {
			case window <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			at := off
			work.Go(func() {
				if err := made[segment].Write(ctx, p, at); err != nil {
					cancel(err)
				}
				<-window
			})
			data, off = data[len(p):], off+uint64(len(p))
			done += int64(len(p))
			progress.say(done, total)
		}
		return nil
	})
	work.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// Clone makes a process of a snapshot on a node, which may be that of the snapshot.
func (s *Snapshot) Clone(ctx context.Context, n *Node, q api.ExecRequest) (api.ExecReply, error) {
	q.Image = s.Image
	if len(s.Image) > maxImageInline {
		q.Image, q.ImageCap = nil, s.cap.Append(nil)
	}
	from := s.c.Node(s.SnapshotReply.Node)
	return n.execImage(ctx, &q, func(digest [32]byte) (*NodeFile, error) { return from.File(ctx, digest) })
}

// maxImageInline is how long an image may be to be in a request.
const maxImageInline = 900 << 10

// Rounds in which files are sent: a node says all it lacks at once.
const maxMissing = 3

// execImage starts a process from an image. lacking gives files that the node lacks.
func (n *Node) execImage(ctx context.Context, q *api.ExecRequest, lacking func([32]byte) (*NodeFile, error)) (r api.ExecReply, err error) {
	if len(q.Image) > maxImageInline {
		s, err := n.Segment(ctx, uint64(len(q.Image)))
		if err != nil {
			return r, err
		}
		defer s.Drop(ctx)
		if err := s.Write(ctx, q.Image, 0); err != nil {
			return r, err
		}
		q.Image, q.ImageCap = nil, s.cap.Append(nil)
	}
	for range maxMissing {
		r = api.ExecReply{}
		if err := n.ask(ctx, api.Exec, q, &r); err != nil {
			return r, err
		}
		switch {
		case r.Refused != "":
			return r, fmt.Errorf("node %d: %s", n.Number, r.Refused)
		case r.Errno != 0:
			return r, &ExecError{Node: n.Number, Path: "the image", Errno: r.Errno}
		case len(r.Missing) == 0:
			return r, nil
		}
		for _, digest := range r.Missing {
			if len(digest) != 32 {
				return r, &Error{n.name, "it lacks files, and says not which", errors.New("malformed reply")}
			}
			f, err := lacking([32]byte(digest))
			if err == nil {
				err = n.PutFile(ctx, &f.File, f.Path)
			}
			if err != nil {
				return r, err
			}
		}
	}
	return r, fmt.Errorf("node %d: it goes on lacking files that it was sent", n.Number)
}
