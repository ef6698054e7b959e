package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Trans is a transaction: lib.Trans, or something that does the same.
type Trans func(h *std.Header, request, reply []byte) (int, error)

// Client makes requests. It may be used from any goroutine if its Trans may.
type Client struct {
	// Patience is how long a request is repeated while no server answers it.
	Patience time.Duration

	trans Trans
	root  capability.Capability
	cache *cache // nil: nothing is kept
}

// New returns a client to which / is a directory.
func New(t Trans, root capability.Capability) *Client {
	return &Client{Patience: 20 * time.Second, trans: t, root: root}
}

// Error says what could not be done.
type Error struct {
	Op, Path string
	Err      error // a std.Status
}

func (e *Error) Error() string {
	why := e.Err.Error()
	switch {
	case errors.Is(e.Err, std.NotFound):
		why = "there is no such name"
	case errors.Is(e.Err, std.Exists):
		why = "the name is there already"
	case errors.Is(e.Err, std.Denied):
		why = "the capability lacks the right"
	case errors.Is(e.Err, std.ComBad):
		why = "not a directory"
	case errors.Is(e.Err, std.SoapNotEmpty):
		why = "the directory is not empty"
	case errors.Is(e.Err, std.SoapClash):
		why = "somebody else has changed it"
	case errors.Is(e.Err, std.SoapUnavail):
		why = "less than a majority of the directory servers is there"
	case errors.Is(e.Err, std.SoapUnreach):
		why = "the object's server does not answer"
	case errors.Is(e.Err, std.RPCNotFound):
		why = "no directory server answers (motiled soap is one)"
	}
	return fmt.Sprintf("%s %s: %s", e.Op, e.Path, why)
}

func (e *Error) Unwrap() error { return e.Err }

// Cap is the set of an object that has no copies.
func Cap(c capability.Capability) capability.Set { return capability.Singleton(c) }

// First is the first current member of a set; the null capability, if none is.
func First(set capability.Set) capability.Capability {
	c, _ := set.Good(func(capability.Capability) bool { return true })
	return c
}

// Lookup returns what a path names.
func (c *Client) Lookup(name string) (capability.Set, error) {
	row, err := c.Row(name)
	return row.Set, err
}

// maxServers bounds how many servers have a part of one path.
const maxServers = 16

// Row returns the row that a path names: the object, and when that was entered. The root
// has none, and is returned by itself.
func (c *Client) Row(name string) (std.SoapRow, error) {
	full := clean(name)
	if row, ok := c.cache.get(full); ok {
		return row, nil
	}
	rest := strings.TrimPrefix(full, "/")
	row := std.SoapRow{Set: Cap(c.root)}
	for range maxServers {
		if rest == "" {
			return row, nil
		}
		q, at := c.cache.ask(row.Set, std.Header{Command: std.SoapLookup})
		h, data, err := c.any(at, &q, []byte(rest))
		if err != nil {
			return row, &Error{"looking up", full, err}
		}
		var f std.SoapFound
		if std.SoapDecode(data, &f) != nil || int(h.Size) > len(rest) || h.Size == 0 {
			return row, &Error{"looking up", full, std.SysErr}
		}
		if h.Extra == 1 && int(h.Size) == len(rest) && len(full) == len(rest)+1 {
			c.cache.put(full, &f, q.Extra)
		}
		row, rest = f.Row, strings.TrimLeft(rest[h.Size:], "/")
	}
	return row, &Error{"looking up", full, std.SysErr}
}

// clean makes a path absolute, and resolves its dots by its text.
func clean(name string) string { return path.Clean("/" + name) }

// List returns all rows of a directory, without their sets, and what its columns are
// called. If it changes meanwhile, each row that was there all the time is listed once.
func (c *Client) List(name string) (l std.SoapListing, err error) {
	dir, err := c.Lookup(name)
	if err != nil {
		return l, err
	}
	return c.list(dir, clean(name))
}

func (c *Client) list(dir capability.Set, name string) (l std.SoapListing, err error) {
	for after := ""; ; {
		h, data, err := c.any(dir, &std.Header{Command: std.SoapList}, []byte(after))
		if err != nil {
			return l, &Error{"listing", name, err}
		}
		var part std.SoapListing
		if std.SoapDecode(data, &part) != nil || h.Extra != 0 && len(part.Rows) == 0 {
			return l, &Error{"listing", name, std.SysErr}
		}
		l.Columns, l.Rows = part.Columns, append(l.Rows, part.Rows...)
		if h.Extra == 0 {
			return l, nil
		}
		after = part.Rows[len(part.Rows)-1].Name
	}
}

// SetLookup looks up several names of one directory at once. Each has a status.
func (c *Client) SetLookup(dir capability.Set, names []string) (list []std.SoapFound, err error) {
	for len(names) > 0 {
		part := names[:min(len(names), std.SoapMaxList)]
		names = names[len(part):]
		_, data, err := c.withDir(dir, func(d capability.Capability) (*std.Header, []byte) {
			var entries []std.SoapEntry
			for _, name := range part {
				entries = append(entries, std.SoapEntry{Dir: d, Name: name})
			}
			return &std.Header{Command: std.SoapSetLookup}, std.SoapEncode(&entries)
		})
		var found []std.SoapFound
		if err == nil && (std.SoapDecode(data, &found) != nil || len(found) != len(part)) {
			err = std.SysErr
		}
		if err != nil {
			return nil, &Error{"looking up", part[0], err}
		}
		list = append(list, found...)
	}
	return list, nil
}

// withDir asks the first copy of a directory something that its capability is part of.
func (c *Client) withDir(dir capability.Set, q func(d capability.Capability) (*std.Header, []byte)) (std.Header, []byte, error) {
	d := First(dir)
	h, data := q(d)
	return c.any(Cap(d), h, data)
}

// Append enters an object in a directory. Without masks, those of the first two columns
// allow everything, the others' to read and to look up.
func (c *Client) Append(name string, set capability.Set, masks ...capability.Rights) error {
	return c.change("entering", std.SoapAppend, name, std.SoapRow{Set: set, Masks: masks})
}

// Enter gives a name an object, whether there is that name or not, and makes the
// directories on the way: for servers that say where they are.
func (c *Client) Enter(name string, set capability.Set) error {
	full := clean(name)
	for i := 1; i < len(full); i++ {
		if full[i] != '/' {
			continue
		}
		if _, err := c.Lookup(full[:i]); errors.Is(err, std.NotFound) {
			err = c.Mkdir(full[:i])
			if err != nil && !errors.Is(err, std.Exists) {
				return err
			}
		}
	}
	for range 3 { // somebody else may do the same
		err := c.Replace(full, set)
		if errors.Is(err, std.NotFound) {
			err = c.Append(full, set)
		}
		if !errors.Is(err, std.Exists) {
			return err
		}
	}
	return &Error{"entering", full, std.SoapClash}
}

// Replace gives a name another object.
func (c *Client) Replace(name string, set capability.Set) error {
	return c.change("replacing", std.SoapReplace, name, std.SoapRow{Set: set})
}

// Chmod changes the masks of a row.
func (c *Client) Chmod(name string, masks ...capability.Rights) error {
	return c.change("changing the masks of", std.SoapChmod, name, std.SoapRow{Masks: masks})
}

// Delete removes a name. The object stays.
func (c *Client) Delete(name string) error {
	return c.change("deleting", std.SoapDelete, name, std.SoapRow{})
}

// change is an update of one row.
func (c *Client) change(op string, command uint32, name string, row std.SoapRow) error {
	full := clean(name)
	dir, base := path.Split(full)
	row.Name = base
	if !std.SoapName(base) || !valid(row.Set) {
		return &Error{op, full, std.ArgBad}
	}
	set, err := c.Lookup(dir)
	if err != nil {
		return &Error{op, full, errors.Unwrap(err)}
	}
	if _, _, err = c.any(set, update(command), std.SoapEncode(&row)); err != nil {
		return &Error{op, full, err}
	}
	return nil
}

func valid(s capability.Set) bool { return len(s.Members) <= capability.MaxMembers }

// update is the header of an update.
func update(command uint32) *std.Header {
	return &std.Header{Command: command, Offset: rand.Uint64() | 1}
}

// Create makes a directory that has no name. Who does not enter it anywhere should
// Discard it.
func (c *Client) Create(columns ...string) (capability.Capability, error) {
	var data []byte
	if len(columns) > 0 {
		data = std.SoapEncode(&columns)
	}
	h, _, err := c.any(Cap(c.root), update(std.SoapCreate), data)
	if err != nil {
		return capability.Capability{}, &Error{"making", "a directory", err}
	}
	return h.Capability(), nil
}

// Mkdir makes a directory and enters it.
func (c *Client) Mkdir(name string, columns ...string) error {
	dir, err := c.Create(columns...)
	if err != nil {
		return err
	}
	if err = c.Append(name, Cap(dir)); err != nil && !passing(err) {
		c.Discard(dir) // nobody has it; if that is not sure it stays, and ages
	}
	return err
}

// Discard removes an empty directory, which need not have a name.
func (c *Client) Discard(dir capability.Capability) error {
	if _, _, err := c.any(Cap(dir), update(std.SoapDiscard), nil); err != nil {
		return &Error{"discarding", fmt.Sprintf("directory %d", dir.Object), err}
	}
	return nil
}

// Rmdir removes an empty directory and its name.
func (c *Client) Rmdir(name string) error {
	set, err := c.Lookup(name)
	if err != nil {
		return err
	}
	if err := c.Discard(First(set)); err != nil {
		return &Error{"removing", clean(name), errors.Unwrap(err)}
	}
	return c.Delete(name)
}

// Install makes several changes, in any directories of one server: all, or none and the
// error is SoapClash.
func (c *Client) Install(changes ...std.SoapChange) error {
	if len(changes) == 0 {
		return nil
	}
	for i := range changes {
		if !valid(changes[i].Row.Set) || !valid(changes[i].Old) || len(changes[i].Row.Name) > std.SoapMaxName {
			return &Error{"installing", changes[i].Row.Name, std.ArgBad}
		}
	}
	h, _, err := c.any(Cap(changes[0].Dir), update(std.SoapInstall), std.SoapEncode(&changes))
	if err != nil {
		return &Error{"installing", changes[min(int(h.Extra), len(changes)-1)].Row.Name, err}
	}
	return nil
}

// Rename gives an object another name, in the same directory or another; nothing may
// have that name.
func (c *Client) Rename(from, to string) error {
	row, err := c.Row(from)
	if err != nil {
		return err
	}
	var dirs [2]capability.Capability
	for i, name := range []string{from, to} {
		set, err := c.Lookup(path.Dir(clean(name)))
		if err != nil {
			return err
		}
		dirs[i] = First(set)
	}
	err = c.Install(
		std.SoapChange{Dir: dirs[1], Expect: std.SoapAbsent, Row: std.SoapRow{Name: path.Base(clean(to)), Set: row.Set}},
		std.SoapChange{Dir: dirs[0], Expect: std.SoapEquals, Old: row.Set, Row: std.SoapRow{Name: row.Name}},
	)
	if err != nil {
		return &Error{"renaming", clean(from), errors.Unwrap(err)}
	}
	return nil
}

// Status is what the directory server says about itself.
func (c *Client) Status() (string, error) {
	_, text, err := c.any(Cap(c.root), &std.Header{Command: std.Stat}, nil)
	if err != nil {
		return "", &Error{"asking", "/", err}
	}
	return string(text), nil
}

// any asks one of the copies of a directory. What could be carried out twice has a number.
func (c *Client) any(set capability.Set, h *std.Header, data []byte) (std.Header, []byte, error) {
	if len(data) > std.SoapMaxData {
		return *h, nil, std.Overflow
	}
	var err error = std.NotFound
	var reply std.Header
	buf := make([]byte, std.SoapMaxData+1024)
	deadline := time.Now().Add(c.Patience)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		for _, m := range set.Members {
			if !m.Current {
				continue
			}
			reply = *h
			reply.SetCapability(m.Cap)
			var n int
			if n, err = c.trans(&reply, data, buf); err != nil {
				continue
			}
			if err = nil; reply.Status() != std.OK {
				err = reply.Status()
			}
			if err == nil || !passing(err) {
				return reply, buf[:n], err
			}
		}
		if !passing(err) || time.Now().Add(pause).After(deadline) {
			return reply, nil, err
		}
		time.Sleep(pause)
	}
}

// passing reports whether it may help to ask again.
func passing(err error) bool {
	for _, s := range []std.Status{std.RPCFailure, std.RPCNotFound, std.RPCTryAgain, std.SoapUnavail, std.NotNow} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
