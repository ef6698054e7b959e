package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"motile/ipc/std"
	"motile/proc/api"
)

// File is the immutable file of the node with a digest.
func (n *Node) File(ctx context.Context, digest [32]byte) (*NodeFile, error) {
	var r api.GetFileReply
	if err := n.getFile(ctx, digest, 0, 0, &r); err != nil {
		return nil, err
	}
	f := &NodeFile{Path: r.Path, Boot: r.Boot}
	if !strings.HasPrefix(f.Path, "/") {
		f.Path = "/" + f.Path
	}
	f.Size, f.Digest = r.Size, digest
	f.ReaderAt = fileReader{ctx, n, digest}
	return f, nil
}

func (n *Node) getFile(ctx context.Context, digest [32]byte, off int64, size int, r *api.GetFileReply) error {
	h := &std.Header{Command: api.GetFile, Offset: uint64(off), Size: uint32(size)}
	_, out, err := n.call(ctx, h, digest[:])
	if isStatus(err, std.NotFound) {
		return &Error{n.name, fmt.Sprintf("has no file with digest %x… (any more)", digest[:6]), err}
	}
	if err != nil {
		return err
	}
	return n.decode(api.GetFile, out, r)
}

// fileReader reads a file of a node.
type fileReader struct {
	ctx    context.Context
	n      *Node
	digest [32]byte
}

// ReadAt implements io.ReaderAt.
func (f fileReader) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		var r api.GetFileReply
		if err := f.n.getFile(f.ctx, f.digest, off+int64(n), min(len(p)-n, segmentPiece), &r); err != nil {
			return n, err
		}
		if len(r.Data) == 0 {
			return n, io.EOF
		}
		if len(r.Data) > len(p)-n {
			return n, &Error{f.n.name, "gave more of a file than was asked for", errors.New("malformed reply")}
		}
		n += copy(p[n:], r.Data)
	}
	return n, nil
}
