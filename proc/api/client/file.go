package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"motile/ipc/std"
	"motile/proc/api"
)

// pieceBytes is how much of a file one request carries.
const pieceBytes = 128 << 10

// File is the content of a file that is to be on a node.
type File struct {
	io.ReaderAt
	Size   int64
	Digest [sha256.Size]byte
}

// NewFile reads r once, for its digest.
func NewFile(r io.ReaderAt) (*File, error) {
	h := sha256.New()
	size, err := io.Copy(h, io.NewSectionReader(r, 0, 1<<62))
	if err != nil {
		return nil, err
	}
	return &File{r, size, [sha256.Size]byte(h.Sum(nil))}, nil
}

// PutFile sees to it that the node has a file under a path. A file that the node
// has already, under whatever path, is not sent again; one of which it has a part,
// from us or somebody else, is completed.
func (n *Node) PutFile(ctx context.Context, f *File, path string) error {
	q := api.PutFileRequest{Digest: f.Digest[:], Path: path, Size: f.Size}
	at := int64(0)
	for {
		var r api.PutFileReply
		if err := n.askWith(ctx, &std.Header{Command: api.PutFile, Offset: uint64(at)}, &q, &r); err != nil {
			return err
		}
		if r.Have {
			return nil
		}
		if at = r.Got; at < 0 || at >= f.Size {
			return fmt.Errorf("node %d: %s: it claims to have %d bytes of %d, but not the file", n.Number, path, at, f.Size)
		}
		q.Data = make([]byte, min(pieceBytes, f.Size-at))
		if _, err := f.ReadAt(q.Data, at); err != nil && err != io.EOF {
			return err
		}
	}
}

// Place is a path for the file on nodes that says what is in it, so that programs
// of one name do not meet there.
func (f *File) Place(name string) string {
	return fmt.Sprintf("/run/motile/%x/%s", f.Digest[:6], name)
}

// LogFiles are the descriptors of a detached process: nothing to read, and a log.
func LogFiles() []api.FileRef {
	return []api.FileRef{{Path: "/dev/null"}, {Log: true}, {Log: true}}
}
