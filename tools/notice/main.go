package main

import (
	"fmt"
	"os"
	"strings"
)

const preface = `Motile is under the licence in the file LICENSE. It is built with the work of
others, under licences of their own. "make notice" writes this list, and a test
keeps it true.

All programs are linked with Go's runtime and standard library: BSD-3-Clause,
Copyright 2009 The Go Authors.
`

const packed = `
In the boot archive, as the build host has it, and not part of this repository:

    busybox (Debian's busybox-static): GPL-2.0-only
        its source: apt-get source busybox
`

// product is something that is built, and the packages that it is linked from.
type product struct {
	title string
	from  []source
}

// userland is a Go module of its own.
const userland = "servers/userland"

var products = []product{
	{"Linked into the kernel, build/kernel.elf", []source{{".", []string{"-tags=metal", "./kernel/motile"}, ""}}},
	{"Linked into a node's own commands, build/motile", []source{{".", []string{"./servers/cmd/motile"}, ""}}},
	{"Linked into u-root's commands, build/bbin/bb", []source{{userland, nil, "/cmds/core/"}}},
	{"Linked into bin/motile", []source{{".", []string{"./tools/motile"}, ""}}},
}

// builders are the programs and tests that no node and no user runs.
var builders = product{"In none of these, but in what builds and tests them", []source{
	{".", []string{"-test", "./..."}, ""}, {".", nil, "/"}, {userland, nil, "/makebb"},
}}

func main() {
	text, err := notice(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "notice:", err)
		os.Exit(1)
	}
	fmt.Print(text)
}

// notice makes the text. top is the folder of our module.
func notice(top string) (string, error) {
	var b strings.Builder
	b.WriteString(preface)
	named := make(map[string]bool)
	for _, p := range products {
		mods, err := modules(top, p.from)
		if err != nil {
			return "", err
		}
		if err := section(&b, p.title, mods); err != nil {
			return "", err
		}
		for _, m := range mods {
			named[m.Path] = true
		}
	}
	all, err := modules(top, builders.from)
	if err != nil {
		return "", err
	}
	var rest []module
	for _, m := range all {
		if !named[m.Path] {
			rest = append(rest, m)
		}
	}
	if err := section(&b, builders.title, rest); err != nil {
		return "", err
	}
	b.WriteString(packed)
	return b.String(), nil
}

func section(b *strings.Builder, title string, mods []module) error {
	if len(mods) == 0 {
		return nil
	}
	fmt.Fprintf(b, "\n%s:\n\n", title)
	for _, m := range mods {
		l, err := m.licence()
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "    %s %s: %s\n", m.Path, m.Version, l.name)
		if l.copyright != "" {
			fmt.Fprintf(b, "        %s\n", l.copyright)
		}
	}
	return nil
}
