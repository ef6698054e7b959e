package cluster

import (
	"fmt"
	"os"
	"strings"

	"motile/tools/mkarchive/archive"
)

// Where a node finds the cluster's key, and the numbers of the nodes that keep the name
// space.
const (
	keyInArchive         = "/etc/motile/key"
	directoriesInArchive = "/etc/motile/directories"
)

// makeArchive makes the boot archive of this cluster: the one it was given, and the
// cluster's key. It is its owner's alone, as the key is.
//
// Without an archive nodes have no key: they can say on their console that they
// run, and nobody can ask them anything.
func (c *Cluster) makeArchive() error {
	if c.conf.Initrd == "" {
		return nil
	}
	data, err := os.ReadFile(c.conf.Initrd)
	if err != nil {
		return fmt.Errorf("boot archive: %w", err)
	}
	a, err := archive.Read(data)
	if err != nil {
		return fmt.Errorf("boot archive %s: %w (tools/mkarchive makes them)", c.conf.Initrd, err)
	}
	if err := a.File(keyInArchive, 0o600, fmt.Appendf(nil, "%x\n", c.key)); err != nil {
		return fmt.Errorf("boot archive: %w", err)
	}
	if list := c.conf.Directories; len(list) > 0 {
		text := strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]") + "\n"
		if err := a.File(directoriesInArchive, 0o644, []byte(text)); err != nil {
			return fmt.Errorf("boot archive: %w", err)
		}
	}
	if err := a.WriteFile(c.dir.archive()); err != nil {
		return fmt.Errorf("boot archive: %w", err)
	}
	c.conf.Initrd = c.dir.archive()
	return nil
}
