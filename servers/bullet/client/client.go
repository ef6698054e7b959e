package client

import (
	"errors"
	"sync"
	"sync/atomic"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Trans is a transaction: lib.Trans, or something that does the same within a process.
type Trans func(h *std.Header, request, reply []byte) (int, error)

// Client makes requests. It may be used from any goroutine if its Trans may.
type Client struct {
	trans Trans
	aside Trans // for one of several transactions at one time
}

// New returns a client.
func New(t Trans) *Client { return &Client{t, t} }

// Aside sets what transactions of several goroutines are made by: lib.TransAside.
func (c *Client) Aside(t Trans) *Client {
	c.aside = t
	return c
}

// How a file is to be when Create and the like return.
const (
	Open      uint32 = 0                                   // more is to come: it is not there for readers, and expires if nothing comes
	Committed        = std.BulletCommit                    // it is there; a crash of the server within seconds may lose it
	Safe             = std.BulletCommit | std.BulletSafety // it is there, and stays
)

// Piece is how much one request carries. Longer files take several.
const Piece = 256 << 10

// Create makes a file. server may be a file instead: if it has just that contents, it
// is the result.
func (c *Client) Create(server capability.Capability, data []byte, how uint32) (capability.Capability, error) {
	return c.CreateTagged(server, 0, data, how)
}

// Tagged returns the committed files of a server that were made with a tag.
func (c *Client) Tagged(server capability.Capability, tag uint64) (list []capability.Capability, err error) {
	reply := make([]byte, Piece)
	for from, more := uint32(0), true; more; {
		h := std.Header{Command: std.BulletTagged, Offset: tag, Size: from}
		n, err := c.call(server, &h, nil, reply)
		if err != nil {
			return nil, err
		}
		for b := reply[:n]; len(b) >= capability.EncodedLen; b = b[capability.EncodedLen:] {
			file, _ := capability.Decode(b)
			list = append(list, file)
		}
		from, more = h.Size, h.Extra != 0
	}
	return list, nil
}

// CreateTagged makes a file that Tagged finds again: for those who have nowhere else to
// keep its capability.
func (c *Client) CreateTagged(server capability.Capability, tag uint64, data []byte, how uint32) (capability.Capability, error) {
	first := data[:min(len(data), Piece)]
	flags := how
	if len(first) < len(data) {
		flags = Open
	}
	file, err := c.make(server, &std.Header{Command: std.BulletCreate, Extra: flags, Offset: tag}, first)
	if err != nil || len(first) == len(data) {
		return file, err
	}
	return c.Append(file, uint64(len(first)), data[len(first):], how)
}

// Append adds data to a file whose size is known, and not committed yet; else the result
// is another file. A file that cannot be finished is removed.
func (c *Client) Append(file capability.Capability, size uint64, data []byte, how uint32) (capability.Capability, error) {
	return c.change(file, size, data, how)
}

// Modify overwrites part of a file, which may grow by that but get no holes. If it was
// committed the result is another file, and file stays.
func (c *Client) Modify(file capability.Capability, off uint64, data []byte, how uint32) (capability.Capability, error) {
	return c.change(file, off, data, how)
}

// change sends data by MODIFY, in pieces.
func (c *Client) change(file capability.Capability, off uint64, data []byte, how uint32) (capability.Capability, error) {
	at := file
	for {
		piece := data[:min(len(data), Piece)]
		flags := how
		if len(piece) < len(data) {
			flags = Open
		}
		next, err := c.make(at, &std.Header{Command: std.BulletModify, Offset: off, Extra: flags}, piece)
		if err != nil {
			if at != file {
				c.Destroy(at) // it would expire anyway
			}
			return capability.Capability{}, err
		}
		if at, off, data = next, off+uint64(len(piece)), data[len(piece):]; len(data) == 0 {
			return at, nil
		}
	}
}

// Insert puts at most Piece bytes between others.
func (c *Client) Insert(file capability.Capability, off uint64, data []byte, how uint32) (capability.Capability, error) {
	return c.make(file, &std.Header{Command: std.BulletInsert, Offset: off, Extra: how}, data)
}

// Delete takes n bytes out of a file; those that lie behind its end do not count.
func (c *Client) Delete(file capability.Capability, off uint64, n uint32, how uint32) (capability.Capability, error) {
	return c.make(file, &std.Header{Command: std.BulletDelete, Offset: off, Size: n, Extra: how}, nil)
}

// Commit commits a file as it is.
func (c *Client) Commit(file capability.Capability, size uint64, how uint32) (capability.Capability, error) {
	return c.change(file, size, nil, how)
}

// Size is the number of a file's bytes.
func (c *Client) Size(file capability.Capability) (uint64, error) {
	h := std.Header{Command: std.BulletSize}
	_, err := c.call(file, &h, nil, nil)
	return h.Offset, err
}

// Read reads from an offset on and returns how much was there: less than len(p) at the
// end of the file, and only there.
func (c *Client) Read(file capability.Capability, p []byte, off uint64) (int, error) {
	if len(p) <= Piece {
		return c.readPiece(file, p, off)
	}
	type piece struct {
		n   int
		err error
	}
	pieces := make([]piece, (len(p)+Piece-1)/Piece)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(window, len(pieces)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(pieces); i = int(next.Add(1)) - 1 {
				x := &pieces[i]
				x.n, x.err = c.readPiece(file, p[i*Piece:min(len(p), (i+1)*Piece)], off+uint64(i*Piece))
				if errors.Is(x.err, std.ArgBad) && i > 0 {
					x.err = nil // the file ends in front of it
				}
			}
		})
	}
	all.Wait()
	done := 0
	for _, x := range pieces {
		done += x.n
		if x.err != nil || x.n < Piece {
			return done, x.err
		}
	}
	return done, nil
}

// window is how many pieces are asked for at a time: enough that the server is not idle
// while one travels.
const window = 3

func (c *Client) readPiece(file capability.Capability, p []byte, off uint64) (int, error) {
	h := std.Header{Command: std.BulletRead, Offset: off, Size: uint32(len(p))}
	return c.call(file, &h, nil, p)
}

// Get reads a whole file.
func (c *Client) Get(file capability.Capability) ([]byte, error) {
	size, err := c.Size(file)
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	n, err := c.Read(file, data, 0)
	if err == nil && uint64(n) < size {
		err = std.SysErr
	}
	return data, err
}

// Destroy removes a file.
func (c *Client) Destroy(file capability.Capability) error {
	_, err := c.call(file, &std.Header{Command: std.Destroy}, nil, nil)
	return err
}

// DestroyMany removes files of one server.
func (c *Client) DestroyMany(server capability.Capability, files []capability.Capability) error {
	const most = Piece / capability.EncodedLen
	var bad uint32
	for len(files) > 0 {
		part := files[:min(len(files), most)]
		files = files[len(part):]
		list := make([]byte, 0, len(part)*capability.EncodedLen)
		for i := range part {
			list = part[i].Append(list)
		}
		h := std.Header{Command: std.BulletNDestroy}
		if _, err := c.call(server, &h, list, nil); err != nil {
			return err
		}
		bad += h.Extra
	}
	if bad > 0 {
		return std.CapBad
	}
	return nil
}

// Touch keeps a file that is not committed from expiring.
func (c *Client) Touch(file capability.Capability) error {
	_, err := c.call(file, &std.Header{Command: std.Touch}, nil, nil)
	return err
}

// Sync returns when all files that are committed are on stable storage.
func (c *Client) Sync(server capability.Capability) error {
	_, err := c.call(server, &std.Header{Command: std.BulletSync}, nil, nil)
	return err
}

// maxText bounds a report.
const maxText = 64 << 10

// Fsck has the server look at all that is on its disk, and returns how many things are
// wrong and which.
func (c *Client) Fsck(server capability.Capability) (wrong int, report string, err error) {
	return c.report(server, std.BulletFsck)
}

// Compact has the server bring its free space together, while it serves, and returns how
// many files were moved.
func (c *Client) Compact(server capability.Capability) (moved int, report string, err error) {
	return c.report(server, std.BulletCompact)
}

// Status is what std_status says of the server, or of a file.
func (c *Client) Status(object capability.Capability) (string, error) {
	_, text, err := c.report(object, std.Stat)
	return text, err
}

func (c *Client) report(object capability.Capability, command uint32) (int, string, error) {
	h := std.Header{Command: command}
	text := make([]byte, maxText)
	n, err := c.call(object, &h, nil, text)
	return int(h.Extra), string(text[:n]), err
}

// make is a request that has a file's capability in its answer.
func (c *Client) make(object capability.Capability, h *std.Header, data []byte) (capability.Capability, error) {
	if _, err := c.call(object, h, data, nil); err != nil {
		return capability.Capability{}, err
	}
	return h.Capability(), nil
}

// tries is how often something is asked that may be asked again: the first time a server
// that has been started anew may have been looked for where it was before.
const tries = 3

// call is one transaction. A reply that is not STD_OK is an error. What changes nothing is
// asked again if the server was lost.
func (c *Client) call(object capability.Capability, h *std.Header, request, reply []byte) (n int, err error) {
	q := *h
	q.SetCapability(object)
	for range tries {
		*h = q
		n, err = c.trans(h, request, reply)
		if !errors.Is(err, std.RPCFailure) || !repeatable(q.Command) {
			break
		}
	}
	if err == nil && h.Status() != std.OK {
		err = h.Status()
	}
	if err != nil {
		return 0, err
	}
	return min(n, len(reply)), nil
}

// repeatable reports whether a command done twice is as good as done once.
func repeatable(command uint32) bool {
	switch command {
	case std.BulletRead, std.BulletSize, std.BulletSync, std.BulletFsck, std.BulletCompact, std.Stat, std.Touch:
		return true
	}
	return false
}
