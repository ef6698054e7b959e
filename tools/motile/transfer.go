package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"motile/proc/api"
	"motile/qemu/cluster"
	"motile/servers/cmd/operate"
)

// Files between this host and the cluster. They go as a tar archive through a node's own
// tar, so that whatever tree a program on that node sees is what they come from and go to.

type putCmd struct {
	Files []string `arg:"" help:"Files and folders of this host, and where to: [NODE:]PATH, which may be an existing directory." placeholder:"FILE... [NODE:]PATH"`
}

type getCmd struct {
	Files []string `arg:"" help:"Files and directories, [NODE:]PATH, and where to on this host." placeholder:"[NODE:]PATH... FILE"`
}

// remotePath is a path on a node; 0: any.
type remotePath struct {
	node int
	path string
}

func parseRemote(s string) (r remotePath, err error) {
	r.path = s
	if number, rest, ok := strings.Cut(s, ":"); ok && !strings.Contains(number, "/") {
		if r.node, err = operate.ParseNode(number); err != nil {
			return r, err
		}
		r.path = rest
	}
	if !path.IsAbs(r.path) {
		return r, fmt.Errorf("%s: want [NODE:]PATH with an absolute path", s)
	}
	return r, nil
}

// split takes the last argument from the others.
func split(args []string) (from []string, to string, err error) {
	if len(args) < 2 {
		return nil, "", errors.New("want what to copy, and where to")
	}
	return args[:len(args)-1], args[len(args)-1], nil
}

// receiveScript unpacks an archive beside where its contents are to go, and moves them
// there when all of it has come: nobody sees half a file. $1 is where to, the others are
// the names in the archive.
const receiveScript = `set -e
to=$1; shift
case $to in
*/) mkdir -p "$to"; beside=$to ;;
*) beside=$(dirname "$to") ;;
esac
new=$beside/.put.$$
mkdir "$new"
trap 'rm -rf "$new"' EXIT
tar -x -f - -C "$new"
for name; do mv "$new/$name" "$to"; done`

// Run sends files to a node.
func (cmd *putCmd) Run(ctx context.Context, c *common, t terminal) error {
	files, dest, err := split(cmd.Files)
	if err != nil {
		return err
	}
	to, err := parseRemote(dest)
	if err != nil {
		return err
	}
	if len(files) > 1 && !strings.HasSuffix(to.path, "/") {
		to.path += "/" // several files go into a directory
	}
	args := []string{to.path}
	for _, f := range files {
		if _, err := os.Lstat(f); err != nil {
			return err
		}
		args = append(args, filepath.Base(filepath.Clean(f)))
	}
	return c.transfer(ctx, t, to.node, "sending", func(watch io.Writer) (plumbing, error) {
		return feed(t, func(w io.Writer) error { return pack(io.MultiWriter(w, watch), files) })
	}, receiveScript, args)
}

// sendScript packs what $1 names.
const sendScript = `exec tar -c -f - -C "$(dirname "$1")" "$(basename "$1")"`

// Run fetches files from nodes.
func (cmd *getCmd) Run(ctx context.Context, c *common, t terminal) error {
	paths, dest, err := split(cmd.Files)
	if err != nil {
		return err
	}
	var from []remotePath
	for _, p := range paths {
		r, err := parseRemote(p)
		if err != nil {
			return err
		}
		from = append(from, r)
	}
	into, rename := dest, ""
	if info, err := os.Stat(dest); err != nil || !info.IsDir() {
		if len(from) > 1 || strings.HasSuffix(dest, "/") {
			return fmt.Errorf("%s: there is no such directory", dest)
		}
		into, rename = filepath.Split(filepath.Clean(dest))
	}
	if into == "" {
		into = "."
	}
	root, err := os.OpenRoot(into)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, r := range from {
		err := c.transfer(ctx, t, r.node, "fetching", func(watch io.Writer) (plumbing, error) {
			return drain(t, func(in io.Reader) error {
				return unpack(io.TeeReader(in, watch), root, rename)
			})
		}, sendScript, []string{path.Clean(r.path)})
		if err != nil {
			return err
		}
	}
	return nil
}

// transfer runs a script on a node, 0: any, with one end of a pipe as its input or output.
// wire makes the pipe; what goes through it is written to watch too.
func (c *common) transfer(ctx context.Context, t terminal, node int, doing string,
	wire func(watch io.Writer) (plumbing, error), script string, args []string) error {
	n, err := c.attach(ctx, t, false)
	if err != nil {
		return err
	}
	defer n.close()
	if node == 0 {
		node, err = n.someNode(ctx)
	} else {
		err = n.checkNode(ctx, node)
	}
	if err != nil {
		return err
	}
	p := operate.NewProgress(t.err, doing)
	defer p.End()
	pipe, err := wire(&counter{p: p, doing: doing})
	if err != nil {
		return err
	}
	status, err := n.runStreams(ctx, n.exec(node, &api.ExecRequest{
		Path: "/bin/sh", Args: append([]string{"sh", "-c", script, "sh"}, args...), Env: guestEnv(), Cwd: "/",
	}), pipe.ends)
	pipe.theirs.Close()
	if e := pipe.end(); err == nil && status == 0 {
		err = e
	}
	if err == nil && status != 0 {
		err = fmt.Errorf("node %d: the script there ended with exit status %d", node, status)
	}
	return err
}

// someNode is one that runs.
func (n *network) someNode(ctx context.Context) (int, error) {
	n.mu.Lock()
	s, err := n.at.Cluster.Status(ctx)
	n.mu.Unlock()
	if err != nil {
		return 0, err
	}
	for _, i := range s.Nodes {
		if i.State == cluster.Running {
			return i.Number, nil
		}
	}
	return 0, errors.New("no node runs (motile nodes shows why)")
}

// counter tells how much has been written to it.
type counter struct {
	p     *operate.Progress
	doing string
	n     int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	c.p.Note(fmt.Sprintf("%s: %.1f MB", c.doing, float64(c.n)/1e6))
	return len(b), nil
}
