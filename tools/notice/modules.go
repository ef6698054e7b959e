package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// source is some packages of a Go module of ours: either what go list makes of its
// arguments, or those tools of the module that have tool in their paths.
type source struct {
	module string
	list   []string
	tool   string
}

// module is a module that packages were taken from.
type module struct {
	Path    string
	Version string
	Dir     string
	Main    bool
}

// modules lists the modules that packages of ours need.
func modules(top string, from []source) ([]module, error) {
	found := make(map[string]module)
	for _, s := range from {
		dir := filepath.Join(top, s.module)
		args := slices.Clone(s.list)
		if s.tool != "" {
			tools, err := golist(dir, "tool")
			if err != nil {
				return nil, err
			}
			for path := range strings.FieldsSeq(string(tools)) {
				if strings.Contains(path, s.tool) {
					args = append(args, path)
				}
			}
		}
		out, err := golist(dir, append([]string{"-deps", "-json=Module"}, args...)...)
		if err != nil {
			return nil, err
		}
		if err := collect(found, out); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b module) int { return cmp.Compare(a.Path+"@"+a.Version, b.Path+"@"+b.Version) }), nil
}

func collect(found map[string]module, list []byte) error {
	for d := json.NewDecoder(bytes.NewReader(list)); ; {
		var p struct{ Module *module }
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case p.Module != nil && !p.Module.Main: // the standard library has none
			found[p.Module.Path+"@"+p.Module.Version] = *p.Module
		}
	}
}

func golist(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", cmd, err)
	}
	return out, nil
}

type licence struct {
	name      string // as SPDX has it
	copyright string // whose it is, if the licence says
}

// Licences are told apart by what only they say, tried in this order.
var licences = []struct{ name, says string }{
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-2-Clause", "Redistributions of source code must retain"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"Apache-2.0", "Apache License"},
	{"MPL-2.0", "Mozilla Public License"},
}

var copyrightLine = regexp.MustCompile(`(?m)^\W*(Copyright (?:\([cC]\) )?[0-9]{4}.*?)\s*$`)

func (m module) licence() (licence, error) {
	for _, name := range []string{"LICENSE", "LICENSE.md", "LICENSE.txt", "COPYING"} {
		text, err := os.ReadFile(filepath.Join(m.Dir, name))
		if err != nil {
			continue
		}
		for _, l := range licences {
			if !bytes.Contains(text, []byte(l.says)) {
				continue
			}
			found := licence{name: l.name}
			if c := copyrightLine.FindSubmatch(text); c != nil {
				found.copyright = string(c[1])
			}
			return found, nil
		}
	}
	return licence{}, fmt.Errorf("%s %s: no licence that this program knows", m.Path, m.Version)
}
