package linux

import (
	"slices"
	"strconv"

	"motile/kernel/fs"
)

// /proc/sys, as far as programs ask it who and where they are. Nothing can be set.

type procSys struct{ k *Kernel }

func (procSys) Names() []string { return []string{"kernel"} }

func (s procSys) Child(name string) *fs.Node {
	if name != "kernel" {
		return nil
	}
	k := s.k
	return k.FS.Virtual(procTexts{k, map[string]string{
		"domainname": "(none)", "hostname": k.Name, "osrelease": Release, "ostype": "Linux", "version": version,
		"ngroups_max": "65536", "pid_max": strconv.Itoa(1 << 29),
	}}, "/proc/sys/kernel")
}

// procTexts is a directory of files with a line each.
type procTexts struct {
	k     *Kernel
	lines map[string]string
}

func (d procTexts) Names() (names []string) {
	for name := range d.lines {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (d procTexts) Child(name string) *fs.Node {
	line, ok := d.lines[name]
	if !ok {
		return nil
	}
	return d.k.FS.Text(line + "\n")
}
