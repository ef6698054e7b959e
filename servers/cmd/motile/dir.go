package main

import (
	"context"

	"motile/servers/cmd/operate"
)

// directory returns a command for the directory server.
func directory(command string) func(ctx context.Context, words []string) error {
	return func(ctx context.Context, words []string) error {
		var o operate.DirOptions
		f := new(flags).withJSON()
		switch command {
		case "dir":
			f.Bool(&o.Long, "l")
		case "put":
			f.Bool(&o.Force, "f")
		case "del":
			f.Bool(&o.Dirs, "d")
		}
		args, err := f.Parse(words)
		if err != nil {
			return usageError{err}
		}
		if err := operate.CheckDirectory(command, args); err != nil {
			return usageError{err}
		}
		e, err := connect()
		if err != nil {
			return err
		}
		e.JSON = f.json
		return e.Directory(ctx, command, o, args)
	}
}

// directoryCommands are those of the directory server.
func directoryCommands() (list []command) {
	for _, name := range operate.DirNames {
		list = append(list, command{name, operate.DirUsage[name], operate.DirAbout[name], directory(name), false})
	}
	return list
}
