package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/servers/bullet/client"
	"motile/servers/cmd/operate"
	"motile/servers/lib"
)

const (
	bulletArgs  = "create [--node N[,N...]] [--unsafe] [FILE] | get CAP... | size CAP | destroy CAP... | stat|fsck|compact|sync [N] | unnamed [--destroy] N"
	bulletAbout = "files that never change: make one of FILE or the input, on several nodes if asked, and print its capabilities; print what is in one, of the first that can be read; ask a node's server; unnamed: list the files of its disk that no directory names, nor any server's storage, or destroy them, of which somebody may have kept a capability elsewhere"
)

// bulletCommand asks file servers.
func bulletCommand(_ context.Context, words []string) error {
	if len(words) == 0 {
		return usage("%s", bulletArgs)
	}
	b := client.New(lib.Trans).Aside(lib.TransAside)
	switch what, words := words[0], words[1:]; what {
	case "create":
		return bulletCreate(b, words)
	case "get", "size", "destroy":
		return bulletFiles(b, what, words)
	case "unnamed":
		return bulletUnnamed(b, words)
	case "stat", "fsck", "compact", "sync":
		return bulletServer(b, what, words)
	}
	return usage("%q is no request (%s)", words[0], bulletArgs)
}

// bulletOf is the server of a node's disk; the word is its number, or empty for the node
// that we are on.
func bulletOf(key *api.Key, word string) (c capability.Capability, err error) {
	n := 0
	if word == "" {
		n, err = lib.Node()
	} else {
		n, err = operate.ParseNode(word)
	}
	return key.ServiceCap("bullet", n), err
}

func bulletCreate(b *client.Client, words []string) error {
	var f flags
	nodes, unsafe := "", false
	f.String(&nodes, "node")
	f.Bool(&unsafe, "unsafe")
	args, err := f.Parse(words)
	if err == nil && len(args) > 1 {
		err = fmt.Errorf("%d files: one at a time", len(args))
	}
	if err != nil {
		return usageError{err}
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	var servers []capability.Capability
	for word := range strings.SplitSeq(nodes, ",") {
		c, err := bulletOf(&key, word)
		if err != nil {
			return err
		}
		servers = append(servers, c)
	}
	in, name := io.Reader(os.Stdin), "the input"
	if len(args) == 1 {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		in, name = file, args[0]
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	how := client.Safe
	if unsafe {
		how = client.Committed
	}
	set, err := b.CreateAll(servers, data, how)
	if err != nil {
		return bulletError(err)
	}
	for _, m := range set.Members {
		fmt.Println(m.Cap)
	}
	if missing := len(servers) - len(set.Members); missing > 0 {
		return fmt.Errorf("%d of %d servers have not made it (they do not answer, or have no room)", missing, len(servers))
	}
	return nil
}

// bulletFiles does something with files that are there. What one reads may be at several
// servers.
func bulletFiles(b *client.Client, what string, words []string) error {
	if len(words) == 0 {
		return usage("%s wants a capability", what)
	}
	var set capability.Set
	for _, word := range words {
		parse := capability.Parse
		if strings.Count(word, ":") != 3 {
			parse = operate.ReadCap
		}
		c, err := parse(word)
		if err == nil {
			err = set.Insert(c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	switch what {
	case "get":
		data, err := b.GetAny(set)
		if err == nil {
			_, err = os.Stdout.Write(data)
		}
		return bulletError(err)
	case "size":
		size, err := b.Size(set.Members[0].Cap)
		if err == nil {
			fmt.Println(size)
		}
		return bulletError(err)
	}
	return bulletError(b.DestroyAll(set))
}

func bulletServer(b *client.Client, what string, words []string) (err error) {
	if len(words) > 1 {
		return usage("%s wants the number of one node", what)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	server, err := bulletOf(&key, strings.Join(words, ""))
	if err != nil {
		return err
	}
	wrong, text := 0, ""
	switch what {
	case "stat":
		text, err = b.Status(server)
	case "fsck":
		wrong, text, err = b.Fsck(server)
	case "compact":
		_, text, err = b.Compact(server)
	case "sync":
		err = b.Sync(server)
	}
	fmt.Print(text)
	if wrong > 0 {
		return fmt.Errorf("%d things are wrong", wrong)
	}
	return bulletError(err)
}

// bulletError says what an error of a file server means, and what to do.
func bulletError(err error) error {
	for s, says := range map[std.Status]string{
		std.RPCNotFound: "no server answers (motiled bullet is one; a node has it with motile up --servers)",
		std.RPCFailure:  "the server was lost while it worked on the request",
		std.CapBad:      "there is no such file, or the capability does not fit",
		std.Denied:      "the capability lacks a right for that",
		std.NotNow:      "the file is not committed: whoever makes it has not finished",
		std.NoSpace:     "the disk is full (bullet compact helps if it is only in pieces)",
		std.SysErr:      "the disk does not work (the server's log says more)",
	} {
		if errors.Is(err, s) {
			return fmt.Errorf("%s (%v)", says, s)
		}
	}
	return err
}
