package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"motile/ipc/capability"
	"motile/proc/api/client"
	"motile/servers/checkpoints"
)

// Env is where a command runs.
type Env struct {
	Client *client.Client
	// Nodes lists the nodes that should answer.
	Nodes    func(ctx context.Context) ([]int, error)
	Out, Err io.Writer
	JSON     bool // print facts for programs
	// Lineages is where the newest checkpoint of each process is remembered.
	Lineages checkpoints.Ledger
}

// warn says something that is no result.
func (e *Env) warn(format string, args ...any) {
	fmt.Fprintf(e.Err, "motile: "+format+"\n", args...)
}

// ParsePID reads a pid.
func ParsePID(s string) (int32, error) {
	if strings.HasPrefix(s, "%") {
		return 0, fmt.Errorf("%s: only an interactive shell knows its jobs: give the pid ($! is the last job's)", s)
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is not a pid: give a number such as 1000007 (motile ps lists them)", s)
	}
	return int32(n), nil
}

// ParseTarget reads a pid, or a process group's number with a minus, as kill(1)
// has it: a shell's job is one.
func ParseTarget(s string) (int32, error) {
	if group, ok := strings.CutPrefix(s, "-"); ok {
		pgid, err := ParsePID(group)
		return -pgid, err
	}
	return ParsePID(s)
}

// ParseNode reads a node's number.
func ParseNode(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxNode {
		return 0, fmt.Errorf("%q is not a node: give its number, 1 to %d", s, maxNode)
	}
	return n, nil
}

const maxNode = 500

// Process is the process with a pid: with the rights of the capability in a file
// if one is named, else with the owner's.
func (e *Env) Process(pid int32, capFile string) (*client.Process, error) {
	if capFile == "" {
		return e.Client.Process(pid), nil
	}
	c, err := ReadCap(capFile)
	if err != nil {
		return nil, err
	}
	if c.Object != uint64(pid) {
		return nil, fmt.Errorf("%s: a capability for process %d, not for %d", capFile, c.Object, pid)
	}
	return e.Client.ProcessWith(c), nil
}

// Targets is the process with a pid, as Process returns it, or for -PGID the
// members of that process group, by pid.
func (e *Env) Targets(ctx context.Context, id int32, capFile string) ([]*client.Process, error) {
	if id > 0 {
		p, err := e.Process(id, capFile)
		return []*client.Process{p}, err
	}
	nodes, err := e.groupNodes(ctx, -id, capFile)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var members []*client.Process
	e.Client.GroupMembers(ctx, nodes, -id, func(p *client.Process) {
		mu.Lock()
		members = append(members, p)
		mu.Unlock()
	})
	if len(members) == 0 {
		return nil, noGroup(-id)
	}
	slices.SortFunc(members, func(a, b *client.Process) int { return int(a.PID - b.PID) })
	return members, nil
}

// groupNodes is where members of a process group may be.
func (e *Env) groupNodes(ctx context.Context, pgid int32, capFile string) ([]int, error) {
	if capFile != "" {
		return nil, fmt.Errorf("process group %d: a capability is for one process: name its members", pgid)
	}
	return e.Nodes(ctx)
}

func noGroup(pgid int32) error {
	return fmt.Errorf("process group %d: nobody is in it (ps -v shows groups)", pgid)
}

// ReadCap reads a capability in its text form from a file; - is standard input.
func ReadCap(file string) (capability.Capability, error) {
	read := os.ReadFile
	if file == "-" {
		read = func(string) ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, 4096)) }
	}
	text, err := read(file)
	if err != nil {
		return capability.Capability{}, err
	}
	c, err := capability.Parse(string(text))
	if err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// split takes a joined error apart, so that each gets a line.
func split(err error) []error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		return many.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
