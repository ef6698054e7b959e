package conformance

import (
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
		why, err := propose(ctx, &b, p)
		mu.Lock()
		defer mu.Unlock()
		l[p.Name] = why
		if why != "" {
			conf.Say("%s: %s", p.Name, why)
		}
		return err
	})
	return l, err
}

func propose(ctx context.Context, b *Builder, p *Program) (why string, err error) {
	if p.Not != "" {
		return p.Not, nil
	}
	text, err := os.ReadFile(p.File)
	if err != nil {
		return "", err
	}
	if strings.Contains(string(text), `"os/exec"`) && strings.Contains(string(text), `"go"`) || strings.Contains(string(text), "runtime.GOROOT()") {
		return "needs the go command", nil
	}
	exe, err := b.Build(ctx, p)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "cannot be built as a static program by itself", nil
	}
	o, err := onHost(ctx, p, exe)
	if err != nil {
		return "", err
	}
	if !o.OK {
		return "fails on the host too, in an empty folder: " + o.Why, nil
	}
	return "", nil
}
