package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Builder makes static programs, each once: what it has made is kept by what it was
// made of.
type Builder struct {
	Go    string // the command
	Cache string // folder

	once      sync.Once
	importcfg string
	version   []byte
	err       error
}

// command is a Go command for what we build.
func (b *Builder) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10", b.Go}, args...)...)
	// Nothing of ours is to be seen: neither our module nor our flags.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=", "GO111MODULE=off", "GOWORK=off")
	return cmd
}

func run(cmd *exec.Cmd) ([]byte, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errs.Bytes())
	}
	return out, nil
}

// setUp finds the compiled standard library.
func (b *Builder) setUp(ctx context.Context) error {
	b.once.Do(func() {
		if b.err = os.MkdirAll(b.Cache, 0o755); b.err != nil {
			return
		}
		if b.version, b.err = run(b.command(ctx, "version")); b.err != nil {
			return
		}
		var list []byte
		list, b.err = run(b.command(ctx, "list", "-export", "-f", "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}", "std"))
		if b.err == nil {
			b.importcfg = filepath.Join(b.Cache, "importcfg")
			b.err = os.WriteFile(b.importcfg, list, 0o644)
		}
	})
	return b.err
}

// Build returns the file of a program.
func (b *Builder) Build(ctx context.Context, p *Program) (exe string, err error) {
	if err := b.setUp(ctx); err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s%q%q", b.version, p.Flags, p.Name)
	files := append([]string{p.File}, p.More...)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	exe = filepath.Join(b.Cache, fmt.Sprintf("%x", h.Sum(nil)[:12]))
	if _, err := os.Stat(exe); err == nil {
		return exe, nil
	}
	dir, err := os.MkdirTemp(b.Cache, "build")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "exe")
	if len(p.Flags) == 0 {
		// Without the go command, as Go's own runner does: most programs are tiny.
		pkg := filepath.Join(dir, "pkg.a")
		if _, err := run(b.command(ctx, append([]string{"tool", "compile", "-p=main", "-importcfg=" + b.importcfg, "-o", pkg}, files...)...)); err != nil {
			return "", err
		}
		if _, err := run(b.command(ctx, "tool", "link", "-s", "-w", "-importcfg="+b.importcfg, "-o", made, pkg)); err != nil {
			return "", err
		}
	} else {
		args := append([]string{"build", "-ldflags=-s -w", "-o", made}, p.Flags...)
		if _, err := run(b.command(ctx, append(args, files...)...)); err != nil {
			return "", err
		}
	}
	return exe, os.Rename(made, exe)
}
