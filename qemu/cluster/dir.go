package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DefaultDir is where a cluster runs unless told otherwise.
const DefaultDir = ".motile"

// Dir is a cluster's folder.
type Dir string

// Absolute makes the path independent of the working directory.
func (d Dir) Absolute() (Dir, error) {
	p, err := filepath.Abs(string(d))
	return Dir(p), err
}

func (d Dir) path(name string) string { return filepath.Join(string(d), name) }

// Key is the path of the cluster key.
func (d Dir) Key() string { return d.path("key") }

// DaemonLog is the path of the daemon's log.
func (d Dir) DaemonLog() string { return d.path("daemon.log") }

// ConsoleLog is the path of a node's console log.
func (d Dir) ConsoleLog(node int) string { return d.path(fmt.Sprintf("node%d.log", node)) }

// Lineages is the file that remembers the newest checkpoint of each process.
func (d Dir) Lineages() string { return d.path("lineages") }

func (d Dir) archive() string { return d.path("initrd.cpio") }

func (d Dir) lock() string  { return d.path("lock") }
func (d Dir) state() string { return d.path("state.json") }
func (d Dir) link() string  { return d.path("sock") }

// create makes the folder, for its owner alone: it has the key.
func (d Dir) create() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("cluster folder: %w", err)
	}
	return nil
}

// sockets is the folder of the sockets by a path short enough for them.
type sockets string

const (
	maxSocketPath = 107                  // struct sockaddr_un
	longestSocket = "n500.3.net.console" // longer than any name that there is
	shortPrefix   = "motile-"
)

func (s sockets) path(name string) string { return filepath.Join(string(s), name) }

func (s sockets) control() string { return s.path("control") }

// hosts is where tools attach to a network, counted from 0.
func (s sockets) hosts(net int) string {
	if net == 0 {
		return s.path("hosts")
	}
	return s.path(fmt.Sprintf("hosts%d", net))
}

func (s sockets) node(n int, what string) string { return s.path(fmt.Sprintf("n%d.%s", n, what)) }

// port is the socket of a node's network card, counted from 0.
func (s sockets) port(n, card int) string { return s.path(portName(n, card) + ".net") }

// portName is what the bridge calls it.
func portName(n, card int) string {
	if card == 0 {
		return fmt.Sprintf("n%d", n)
	}
	return fmt.Sprintf("n%d.%d", n, card)
}

// makeSockets makes an empty folder for sockets. Preconditions: the lock is
// held, and removeSockets was called.
func (d Dir) makeSockets() (sockets, error) {
	direct := d.link()
	if len(filepath.Join(direct, longestSocket)) <= maxSocketPath {
		return sockets(direct), os.Mkdir(direct, 0o700)
	}
	short, err := os.MkdirTemp("", shortPrefix)
	if err != nil {
		return "", err
	}
	if p := filepath.Join(short, longestSocket); len(p) > maxSocketPath {
		os.Remove(short)
		return "", fmt.Errorf("neither %s nor %s is short enough for sockets: use another --dir or $TMPDIR", d, os.TempDir())
	}
	return sockets(short), os.Symlink(short, direct)
}

// findSockets is where the cluster that runs here has its sockets.
func (d Dir) findSockets() (sockets, error) {
	target, err := os.Readlink(d.link())
	switch {
	case err == nil:
		return sockets(target), nil
	case errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return sockets(d.link()), nil // a folder, not a link
}

// removeSockets removes what makeSockets made, now or in a life before.
func (d Dir) removeSockets() error {
	target, err := os.Readlink(d.link())
	if err != nil {
		return os.RemoveAll(d.link())
	}
	// Only what we could have made: the link lies in a folder that anybody
	// might have prepared.
	if filepath.Dir(target) == filepath.Clean(os.TempDir()) && strings.HasPrefix(filepath.Base(target), shortPrefix) {
		if err := os.RemoveAll(target); err != nil {
			return err
		}
	}
	return os.Remove(d.link())
}
