package operate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	soap "motile/servers/soap/client"
)

// DirUsage and DirAbout are for help texts, by what Amoeba calls the commands.
var (
	DirUsage = map[string]string{
		"dir": "[-l] [--json] [PATH]",
		"mkd": "PATH...",
		"get": "[--json] PATH",
		"put": "[-f] PATH CAP",
		"del": "[-d] PATH...",
		"chm": "MASK[:MASK...] PATH",
		"ren": "PATH PATH",
	}
	DirAbout = map[string]string{
		"dir": "list a directory of the directory server; -l: with masks, times, and what the objects say of themselves",
		"mkd": "make directories",
		"get": "print the capability of an object",
		"put": "enter an object, given as for std, in a directory; -f: in the place of another",
		"del": "remove names; the objects stay, but -d removes empty directories too",
		"chm": "set the masks of a name's columns, in hex",
		"ren": "give an object another name",
	}
)

// DirNames are these commands.
var DirNames = []string{"dir", "mkd", "get", "put", "del", "chm", "ren"}

// DirOptions are those of all of them.
type DirOptions struct {
	Long  bool // dir -l
	Force bool // put -f
	Dirs  bool // del -d
}

// directories is a client of the directory servers.
func (e *Env) directories(ctx context.Context) *soap.Client {
	key := api.Key(*e.Client.Key())
	c := soap.New(e.Client.Trans(ctx), key.ServiceCap("soap", 0))
	c.Patience = dirPatience
	return c
}

// Directory carries out one of these commands.
func (e *Env) Directory(ctx context.Context, command string, o DirOptions, args []string) error {
	c := e.directories(ctx)
	if err := CheckDirectory(command, args); err != nil {
		return err
	}
	switch command {
	case "dir":
		return e.list(ctx, c, strings.Join(args, ""), o.Long)
	case "mkd":
		return each(args, func(name string) error { return c.Mkdir(name) })
	case "get":
		set, err := c.Lookup(args[0])
		return e.capability(soap.First(set), err)
	case "put":
		return e.put(ctx, c, args[0], args[1], o.Force)
	case "del":
		if o.Dirs {
			return each(args, c.Rmdir)
		}
		return each(args, c.Delete)
	case "chm":
		masks, err := parseMasks(args[0])
		if err != nil {
			return err
		}
		return c.Chmod(args[1], masks...)
	case "ren":
		return c.Rename(args[0], args[1])
	}
	return fmt.Errorf("there is no command %s for directories", command)
}

// CheckDirectory says whether there are as many arguments as there should be.
func CheckDirectory(command string, args []string) error {
	least, most := 1, 1<<30
	switch command {
	case "dir":
		least, most = 0, 1
	case "get":
		most = 1
	case "put", "chm", "ren":
		least, most = 2, 2
	}
	if len(args) < least || len(args) > most {
		return fmt.Errorf("%d arguments: want %s", len(args), DirUsage[command])
	}
	return nil
}

// dirPatience is how long a person waits for a directory server: longer than updates stand
// still when the node of one is lost.
const dirPatience = 20 * time.Second

func each(args []string, f func(string) error) error {
	var errs []error
	for _, a := range args {
		errs = append(errs, f(a))
	}
	return errors.Join(errs...)
}

func (e *Env) put(ctx context.Context, c *soap.Client, name, word string, force bool) error {
	object, err := e.capOf(ctx, word)
	if err != nil {
		return err
	}
	if force {
		err := c.Replace(name, soap.Cap(object))
		if !errors.Is(err, std.NotFound) {
			return err
		}
	}
	return c.Append(name, soap.Cap(object))
}

// parseMasks reads masks as dir -l prints them.
func parseMasks(text string) (masks []capability.Rights, err error) {
	for _, word := range strings.Split(text, ":") {
		v, err := strconv.ParseUint(strings.TrimPrefix(word, "0x"), 16, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no mask: want hex numbers, one for each column, as in ffffffff:ffffffff:6", text)
		}
		masks = append(masks, capability.Rights(v))
	}
	return masks, nil
}

func maskText(masks []capability.Rights) string {
	var words []string
	for _, m := range masks {
		words = append(words, strconv.FormatUint(uint64(m), 16))
	}
	return strings.Join(words, ":")
}

// entryFacts is a row for programs.
type entryFacts struct {
	Name       string   `json:"name"`
	Masks      []string `json:"masks"`
	Changed    string   `json:"changed"`
	Capability string   `json:"capability,omitempty"`
	Copies     int      `json:"copies,omitempty"`
	Info       string   `json:"info,omitempty"`
}

// list prints a directory.
func (e *Env) list(ctx context.Context, c *soap.Client, name string, long bool) error {
	l, err := c.List(name)
	if err != nil {
		return err
	}
	facts := make([]entryFacts, len(l.Rows))
	for i, r := range l.Rows {
		facts[i] = entryFacts{Name: r.Name, Masks: strings.Split(maskText(r.Masks), ":"), Changed: time.UnixMilli(r.MtimeMs).UTC().Format(time.RFC3339)}
	}
	if long {
		if err := e.describe(ctx, c, name, facts); err != nil {
			return err
		}
	}
	if e.JSON {
		return PrintJSON(e.Out, facts)
	}
	if !long {
		for _, f := range facts {
			fmt.Fprintln(e.Out, f.Name)
		}
		return nil
	}
	rows := [][]any{{"NAME", strings.ToUpper(strings.Join(l.Columns, ":")), "CHANGED", "OBJECT"}}
	for _, f := range facts {
		rows = append(rows, []any{f.Name, strings.Join(f.Masks, ":"), f.Changed, f.Info})
	}
	return PrintTable(e.Out, rows)
}

// infoPatience is how long an object has to say what it is.
const infoPatience = 2 * time.Second

// describe asks the objects of a directory what they are.
func (e *Env) describe(ctx context.Context, c *soap.Client, name string, facts []entryFacts) error {
	dir, err := c.Lookup(name)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range facts {
		names = append(names, f.Name)
	}
	found, err := c.SetLookup(dir, names)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, infoPatience)
	defer cancel()
	var all sync.WaitGroup
	for i := range found {
		f := &facts[i]
		if found[i].Status != std.OK {
			f.Info = found[i].Status.String()
			continue
		}
		object := soap.First(found[i].Row.Set)
		f.Copies, f.Capability = len(found[i].Row.Set.Members), object.String()
		all.Go(func() {
			text, err := e.Client.Object(object).Text(ctx, std.Info)
			switch {
			case errors.Is(err, std.ComBad):
				text = "says nothing of itself"
			case err != nil:
				text = "does not answer"
			}
			f.Info = strings.TrimSuffix(text, "\n")
		})
	}
	all.Wait()
	return nil
}

// DirCommand is the name of a command that words begin with, dir if they begin with none.
func DirCommand(words []string) (command string, args []string) {
	if len(words) > 0 && !path.IsAbs(words[0]) {
		for _, name := range DirNames {
			if words[0] == name {
				return name, words[1:]
			}
		}
	}
	return "dir", words
}
