package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Disk is the path of the image of a node's disk.
func (d Dir) Disk(node int) string { return d.path(fmt.Sprintf("disk-%d.img", node)) }

// makeDisk returns the image of a node's disk, and whether it is new. The first time it is made, all zeros that
// take no room; from then on it is what the node has made of it, and keeps its size. It
// is never removed but with the folder. QEMU has it locked while the node runs.
func (d Dir) makeDisk(node, sizeMB int) (path string, made bool, err error) {
	if sizeMB == 0 {
		return "", false, nil
	}
	path = d.Disk(node)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return path, false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("node %d: disk: %w", node, err)
	}
	defer file.Close()
	if err := file.Truncate(int64(sizeMB) << 20); err != nil {
		os.Remove(path)
		return "", false, fmt.Errorf("node %d: disk of %d MB: %w", node, sizeMB, err)
	}
	return path, true, nil
}
