package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/servers/lib"
)

// mount shows a directory of a file server in the tree of this node, or what is mounted.
func mount(_ context.Context, words []string) error {
	if len(words) == 0 {
		text, err := os.ReadFile("/proc/mounts")
		os.Stdout.Write(text)
		return err
	}
	if len(words) != 2 {
		return usage("%d arguments, where there should be 2, or none", len(words))
	}
	dir, err := servedDirectory(words[0])
	if err != nil {
		return err
	}
	if err := syscall.Mount(dir.String(), words[1], "motile", 0, ""); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", words[0], words[1], err)
	}
	return nil
}

func unmount(_ context.Context, words []string) error {
	if len(words) != 1 {
		return usage("%d arguments, where there should be 1", len(words))
	}
	if err := syscall.Unmount(words[0], 0); err != nil {
		return fmt.Errorf("unmounting %s: %w", words[0], err)
	}
	return nil
}

// servedDirectory is the capability of a directory of a server: its text, or SERVICE:PATH, for
// a path from the root of the cluster's server of that name. A path that is not there is
// made.
func servedDirectory(name string) (capability.Capability, error) {
	if c, err := capability.Parse(name); err == nil {
		return c, nil
	}
	service, path, ok := strings.Cut(name, ":")
	if !ok {
		return capability.Capability{}, usage("%s is neither a capability nor SERVICE:PATH", name)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return capability.Capability{}, err
	}
	root := key.ServiceCap(service, 0)
	if path = strings.Trim(path, "/"); path == "" {
		return root, nil
	}
	for i := range path + "/" {
		if i == len(path) || path[i] == '/' {
			if err := makeDirectory(root, path[:i]); err != nil {
				return root, fmt.Errorf("making directory %s of server %s: %w", path[:i], service, err)
			}
		}
	}
	return openDirectory(root, path)
}

func makeDirectory(root capability.Capability, path string) error {
	p := filesys.Place{Root: root.Object, Path: path}
	h := std.Header{Command: filesys.Mkdir, Size: 0o755}
	_, err := askFileServer(root, &h, p.Append(nil))
	if err == syscall.EEXIST {
		return nil
	}
	return err
}

// openPath is O_PATH: nobody counts as having it open.
const openPath = 0x200000

func openDirectory(root capability.Capability, path string) (capability.Capability, error) {
	o, p := filesys.Opener{}, filesys.Place{Root: root.Object, Path: path}
	h := std.Header{Command: filesys.Open, Extra: syscall.O_DIRECTORY | openPath}
	if _, err := askFileServer(root, &h, p.Append(o.Append(nil))); err != nil {
		return root, fmt.Errorf("opening directory %s: %w", path, err)
	}
	return h.Capability(), nil
}

func askFileServer(dir capability.Capability, h *std.Header, data []byte) ([]byte, error) {
	h.SetCapability(dir)
	buf := make([]byte, 8192)
	n, err := lib.Trans(h, data, buf)
	switch {
	case err != nil:
		return nil, err
	case h.Status() != std.OK:
		return nil, h.Status()
	case h.Extra != 0:
		return nil, syscall.Errno(h.Extra)
	}
	return buf[:n], nil
}
