package conformance

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Propose makes a list: what the host runs is to be run. A person looks at the
// difference from the one before.
func Propose(ctx context.Context, conf Config) (List, error) {
	suite, err := Suite(conf.Tests)
	if err != nil {
		return nil, err
	}
	b := Builder{Go: conf.Go, Cache: filepath.Join(conf.Dir, "programs")}
	l := make(List)
	var mu sync.Mutex
	some := make([]*Program, len(suite))
	for i := range suite {
		some[i] = &suite[i]
	}
	err = each(ctx, some, func(ctx context.Context, _ int, p *Program) error {
		entry, err := propose(ctx, &b, p)
		mu.Lock()
		defer mu.Unlock()
		l[p.Name] = entry
		if entry.Skip != "" {
			conf.Say("%s: %s", p.Name, entry.Skip)
		}
		return err
	})
	return l, err
}

// slowMs is how long a program may take on the host to be in the sample.
const slowMs = 400

func propose(ctx context.Context, b *Builder, p *Program) (Entry, error) {
	if p.Not != "" {
		return Entry{Skip: p.Not}, nil
	}
	text, err := os.ReadFile(p.File)
	if err != nil {
		return Entry{}, err
	}
	if strings.Contains(string(text), `"os/exec"`) && strings.Contains(string(text), `"go"`) || strings.Contains(string(text), "runtime.GOROOT()") {
		return Entry{Skip: "needs the go command"}, nil
	}
	exe, err := b.Build(ctx, p)
	if ctx.Err() != nil {
		return Entry{}, ctx.Err()
	}
	if err != nil {
		why, _, _ := strings.Cut(err.Error(), "\n")
		_, last, _ := strings.Cut(err.Error(), "\n")
		last, _, _ = strings.Cut(last, "\n")
		return Entry{Skip: "cannot be built by itself: " + cmp.Or(last, why)}, nil
	}
	o, err := onHost(ctx, p, exe)
	if err != nil {
		return Entry{}, err
	}
	if !o.OK {
		return Entry{Skip: "fails on the host too, in an empty folder: " + o.Why}, nil
	}
	return Entry{Slow: o.Ms > slowMs}, nil
}
