package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"motile/proc/api"
	"motile/proc/api/client"
)

// Migrate moves a process and says what that took.
func (e *Env) Migrate(ctx context.Context, p *client.Process, m client.Move) error {
	r, err := p.Migrate(ctx, m)
	if err != nil {
		return err
	}
	if e.JSON {
		return PrintJSON(e.Out, r)
	}
	fmt.Fprint(e.Out, MoveText(r))
	return nil
}

// MigrateAll moves several processes, those on one node as one, and goes on after some
// that do not move. One that has ended needs no move.
func (e *Env) MigrateAll(ctx context.Context, processes []*client.Process, m client.Move) error {
	t := e.tally(MoveText)
	e.Client.MigrateTogether(ctx, processes, m, func(who []*client.Process, r api.MigrateReply, err error) {
		t.add(len(who), r, err)
	})
	err := t.print()
	switch {
	case t.stayed > 0:
		return fmt.Errorf("%d of %d processes did not move", t.stayed, t.asked)
	case len(t.moved) == 0:
		return errors.New("all of these processes have ended")
	}
	return err
}

// tally counts what has become of several moves, and reports each.
type tally struct {
	e      *Env
	text   func(api.MigrateReply) string
	moved  []api.MigrateReply
	asked  int // processes that were to move
	stayed int
}

func (e *Env) tally(text func(api.MigrateReply) string) *tally {
	return &tally{e: e, text: text, moved: []api.MigrateReply{}}
}

// add takes what became of a move of so many processes.
func (t *tally) add(n int, r api.MigrateReply, err error) {
	t.asked += n
	if err != nil {
		t.e.warn("%v", err)
		t.stayed += n
		return
	}
	t.moved = append(t.moved, r)
	if !t.e.JSON {
		fmt.Fprint(t.e.Out, t.text(r))
	}
}

// print prints all for programs.
func (t *tally) print() error {
	if t.e.JSON {
		return PrintJSON(t.e.Out, t.moved)
	}
	return nil
}

// MoveText describes a move in three lines, and what is special about it in more.
func MoveText(r api.MigrateReply) string {
	m := r.Report
	if m.TotalUs == 0 && m.FreezeUs == 0 {
		return fmt.Sprintf("process %d is on node %d already\n", r.PID, r.Node)
	}
	shared := ""
	if m.SharedPages > 0 {
		shared = fmt.Sprintf(", %d shared", m.SharedPages)
	}
	text := fmt.Sprintf("%s on node %d: %s in all, frozen for %s\n"+
		"  negotiate %s, precopy %s, freeze %s, transfer %s, commit %s, first run %s\n"+
		"  %d pages sent (%s), %d found there, %d of zeros%s; state %s\n",
		movedText(r), r.Node, millis(m.TotalUs), millis(m.FreezeUs),
		millis(m.NegotiateUs), millis(m.PrecopyUs), millis(m.FreezeUs), millis(m.TransferUs), millis(m.CommitUs), millis(m.FirstRunUs),
		m.Pages, Size(m.Bytes), m.FilePages, m.ZeroPages, shared, Size(int64(m.StateBytes)))
	if len(m.Rounds) > 0 {
		text += fmt.Sprintf("  %s: %s; %d pages sent again\n", m.Strategy, roundsText(m.Rounds), m.Resent)
	}
	if m.Left > 0 {
		text += fmt.Sprintf("  %s: %d pages left on %s: fetched when they are needed, and meanwhile\n", m.Strategy, m.Left, m.LeftOn)
	}
	if m.Server == "user" {
		text += "  carried by the user-level migration server\n"
	}
	if m.Note != "" {
		text += "  " + m.Note + "\n"
	}
	return text
}

// roundsText says how many pages the rounds of precopying sent.
func roundsText(rounds []api.MoveRound) string {
	pages := make([]string, len(rounds))
	for i, r := range rounds {
		pages[i] = fmt.Sprint(r.Pages)
	}
	if len(rounds) == 1 {
		return "a round of " + pages[0]
	}
	return fmt.Sprintf("rounds of %s", strings.Join(pages, ", "))
}

// movedText names who has moved.
func movedText(r api.MigrateReply) string {
	if len(r.Processes) < 2 {
		return processesText(r.PID, nil, "is")
	}
	return processesText(r.PID, r.Processes, "are")
}

// Drain moves all processes away from a node, each to the node that then has the
// most memory free. It goes on after one that does not move, and fails then.
func (e *Env) Drain(ctx context.Context, node int, m client.Move) error {
	nodes, err := e.Nodes(ctx)
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(nodes, func(n int) bool { return n == node })
	processes, err := e.Client.Node(node).List(ctx)
	if err != nil {
		return err
	}
	t := e.tally(func(r api.MigrateReply) string {
		return fmt.Sprintf("process %d is on node %d (frozen for %s)\n", r.PID, r.Node, millis(r.Report.FreezeUs))
	})
	for _, info := range processes {
		if info.State == "zombie" {
			continue
		}
		if m.Target, err = e.roomiest(ctx, nodes); err != nil {
			return fmt.Errorf("node %d cannot be emptied: %w", node, err)
		}
		if r, err := e.Client.Process(info.PID).Migrate(ctx, m); !client.Gone(err) { // else it has ended meanwhile
			t.add(1, r, err)
		}
	}
	err = t.print()
	if t.stayed > 0 {
		return fmt.Errorf("node %d: %d of its processes did not move", node, t.stayed)
	}
	return err
}

// roomiest is the node with the most free memory.
func (e *Env) roomiest(ctx context.Context, nodes []int) (best int, err error) {
	free := -1
	for node, l := range e.Client.Loads(ctx, nodes) {
		if l.FreeKB > free || l.FreeKB == free && node < best {
			best, free = node, l.FreeKB
		}
	}
	if free < 0 {
		return 0, errors.New("no other node answers (motile nodes shows who is up)")
	}
	return best, nil
}

// Idlest is the node where a new program is served soonest: the fewest threads that
// want the CPU, then the most free memory.
func (e *Env) Idlest(ctx context.Context) (best int, err error) {
	nodes, err := e.Nodes(ctx)
	if err != nil {
		return 0, err
	}
	var least api.Load
	for _, node := range nodes {
		l, err := e.Client.Node(node).Load(ctx)
		if err != nil {
			e.warn("%v", err)
			continue
		}
		busier := l.Runnable > least.Runnable || l.Runnable == least.Runnable && l.FreeKB <= least.FreeKB
		if best == 0 || !busier {
			best, least = node, l
		}
	}
	if best == 0 {
		return 0, errors.New("no node answers (motile nodes shows who is up)")
	}
	return best, nil
}

// Resolve ends the doubt about a process whose move was cut off: it goes on where
// a copy of it is held, or that copy is dropped.
func (e *Env) Resolve(ctx context.Context, pid int32, resume bool) error {
	nodes, err := e.Nodes(ctx)
	if err != nil {
		return err
	}
	all, err := e.Client.Processes(ctx, nodes)
	if err != nil {
		return err
	}
	type resolution struct {
		PID  int32  `json:"pid"`
		Node int    `json:"node"`
		What string `json:"what"` // has become of the copy there
	}
	var resolved []resolution
	for _, p := range all {
		if p.PID != pid || p.State != "in-doubt" && p.State != "arriving" {
			continue
		}
		if err := e.Client.Node(p.Node).Resolve(ctx, pid, resume); err != nil {
			return err
		}
		r := resolution{pid, p.Node, "dropped"}
		if resume {
			r.What = "goes on"
		}
		resolved = append(resolved, r)
		if !e.JSON {
			fmt.Fprintf(e.Out, "process %d: the copy on node %d %s\n", pid, r.Node, r.What)
		}
	}
	if len(resolved) == 0 {
		return fmt.Errorf("process %d: no node holds a copy that is in doubt (motile ps shows states)", pid)
	}
	if e.JSON {
		return PrintJSON(e.Out, resolved)
	}
	return nil
}
