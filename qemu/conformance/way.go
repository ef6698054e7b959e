package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Way is one of the three ways to run a program.
type Way string

const (
	Host   Way = "host"
	Still  Way = "unmoved"
	Shaken Way = "shaken"
)

// Outcome is how a program fared.
type Outcome struct {
	OK       bool   `json:"ok"`
	Why      string `json:"why,omitempty"`
	Ms       int64  `json:"ms"`
	Moves    int    `json:"moves,omitempty"`
	Restores int    `json:"restores,omitempty"`
	Refused  int    `json:"refused,omitempty"`
	Output   string `json:"output,omitempty"` // the end of it, if it is not what it should be
}

// judge compares what a program did with what it should.
func judge(p *Program, ending string, out []byte) (o Outcome) {
	switch {
	case ending != "":
		o.Why = ending
	case !bytes.Equal(out, p.Out):
		o.Why = fmt.Sprintf("prints %d bytes, which are not the %d of its .out file", len(out), len(p.Out))
	default:
		o.OK = true
		return o
	}
	const shown = 2000
	o.Output = strings.ToValidUTF8(string(out[max(len(out)-shown, 0):]), "?")
	return o
}

// environment is what a program finds, everywhere: no Go, and an empty folder.
var environment = []string{"PATH=/bin:/bbin", "HOME=/root", "TMPDIR=/tmp"}

const (
	hostLimit = 60 * time.Second
	maxOutput = 4 << 20
)

// onHost runs a program on the host's Linux.
func onHost(ctx context.Context, p *Program, exe string) (Outcome, error) {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return Outcome{}, err
	}
	defer os.RemoveAll(dir)
	limited, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	cmd := exec.CommandContext(limited, exe, p.Args...)
	cmd.Dir, cmd.Env = dir, environment
	cmd.WaitDelay = time.Second
	began := time.Now()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	ending := ""
	switch {
	case ctx.Err() != nil:
		return Outcome{}, ctx.Err()
	case limited.Err() != nil:
		ending = "has not ended in time"
	case errors.As(err, &exit):
		ending = exit.String()
	case err != nil:
		return Outcome{}, err
	}
	o := judge(p, ending, out)
	o.Ms = time.Since(began).Milliseconds()
	return o, nil
}
