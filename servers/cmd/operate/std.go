package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api/client"
	soap "motile/servers/soap/client"
)

// StdUsage and StdAbout are for help texts.
const (
	StdUsage = "[--json] info|status|touch|age|destroy|copy|getparams CAP | restrict RIGHTS CAP | setparams CAP NAME=VALUE..."
	StdAbout = "ask any object what every server understands; CAP is a pid, nodeN, service:NAME or service:NAME/N, a capability's text, a file with one, or a name of the directory server, as /server/run is"
)

// StdRequest is a standard command, as it was typed.
type StdRequest struct {
	What     string
	Of       string            // the object
	Mask     capability.Rights // of restrict
	Settings []std.Setting     // of setparams
}

// ParseStd reads a standard command. params is getparams, or setparams if something is
// to be set.
func ParseStd(words []string) (q StdRequest, err error) {
	if len(words) < 2 {
		return q, fmt.Errorf("want a command and a capability (%s)", StdUsage)
	}
	q.What, words = words[0], words[1:]
	if q.What == "restrict" {
		if q.Mask, err = capability.ParseRights(words[0]); err != nil {
			return q, err
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return q, fmt.Errorf("%s wants a capability", q.What)
	}
	q.Of, words = words[0], words[1:]
	if q.What == "params" {
		q.What = "getparams"
		if len(words) > 0 {
			q.What = "setparams"
		}
	}
	if q.What == "setparams" {
		return q, q.settings(words)
	}
	switch q.What {
	case "info", "status", "touch", "age", "destroy", "copy", "getparams", "restrict":
	default:
		return q, fmt.Errorf("%q is no standard command (%s)", q.What, StdUsage)
	}
	if len(words) > 0 {
		return q, fmt.Errorf("%s has no argument %q", q.What, words[0])
	}
	return q, nil
}

func (q *StdRequest) settings(words []string) error {
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q is not NAME=VALUE", w)
		}
		q.Settings = append(q.Settings, std.Setting{Name: name, Value: value})
	}
	if len(words) == 0 {
		return errors.New("setparams wants NAME=VALUE (getparams lists the names)")
	}
	return nil
}

// Std carries out a standard command.
func (e *Env) Std(ctx context.Context, q StdRequest) error {
	c, err := e.capOf(ctx, q.Of)
	if err != nil {
		return err
	}
	o := e.Client.Object(c)
	switch q.What {
	case "info":
		return e.text(o.Text(ctx, std.Info))
	case "status":
		return e.text(o.Text(ctx, std.Stat))
	case "touch":
		return o.Do(ctx, std.Touch)
	case "age":
		return o.Do(ctx, std.Age)
	case "destroy":
		return o.Do(ctx, std.Destroy)
	case "copy":
		return e.capability(o.Copy(ctx))
	case "restrict":
		return e.capability(o.Restrict(ctx, q.Mask))
	case "setparams":
		return o.SetParams(ctx, q.Settings)
	}
	return e.params(ctx, o)
}

// capOf is the capability that a word stands for.
func (e *Env) capOf(ctx context.Context, word string) (capability.Capability, error) {
	if strings.Count(word, ":") == 3 {
		return capability.Parse(word)
	}
	if name, ok := strings.CutPrefix(word, "service:"); ok {
		return e.service(name)
	}
	if number, ok := strings.CutPrefix(word, "node"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			if _, err := ParseNode(number); err != nil {
				return capability.Capability{}, err
			}
			return e.Client.Node(n).Capability(), nil
		}
	}
	if pid, err := ParsePID(word); err == nil {
		return e.Client.Process(pid).Capability(), nil
	}
	c, err := ReadCap(word)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(word, "/") {
		return c, err
	}
	set, err := e.directories(ctx).Lookup(word)
	if err != nil {
		return c, fmt.Errorf("%s is no file, and in the directories: %w", word, err)
	}
	return soap.First(set), nil
}

// service is the capability of a well-known server: NAME, or NAME/N if each node may have
// one.
func (e *Env) service(name string) (capability.Capability, error) {
	name, number, each := strings.Cut(name, "/")
	n := 0
	if each {
		var err error
		if n, err = ParseNode(number); err != nil {
			return capability.Capability{}, err
		}
	}
	return e.Client.Service(name, n), nil
}

func (e *Env) text(s string, err error) error {
	switch {
	case err != nil:
		return err
	case e.JSON:
		return PrintJSON(e.Out, struct {
			Text string `json:"text"`
		}{s})
	}
	_, err = fmt.Fprintln(e.Out, strings.TrimSuffix(s, "\n"))
	return err
}

func (e *Env) capability(c capability.Capability, err error) error {
	switch {
	case err != nil:
		return err
	case e.JSON:
		return PrintJSON(e.Out, struct {
			Object     uint64 `json:"object"`
			Rights     string `json:"rights"`
			Capability string `json:"capability"`
		}{c.Object, c.Rights.String(), c.String()})
	}
	_, err = fmt.Fprintln(e.Out, c)
	return err
}

func (e *Env) params(ctx context.Context, o *client.Object) error {
	list, err := o.Params(ctx)
	switch {
	case err != nil:
		return err
	case e.JSON:
		return PrintJSON(e.Out, list)
	}
	rows := [][]any{{"NAME", "VALUE", "TYPE", "DESCRIPTION"}}
	for _, p := range list {
		rows = append(rows, []any{p.Name, p.Value, p.Type, p.Description})
	}
	return PrintTable(e.Out, rows)
}
