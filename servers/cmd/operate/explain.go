package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"motile/proc/api"
	"motile/proc/api/client"
)

// Explanation is what a move would come to.
type Explanation struct{ api.ExplainReply }

// Explain says what a move of processes, which are on one node, would come to. It fails
// if the move would be refused.
func (e *Env) Explain(ctx context.Context, processes []*client.Process, m client.Move) error {
	r, err := processes[0].Explain(ctx, m, processes[1:])
	if err != nil {
		return err
	}
	x := &Explanation{r}
	if err := e.tell(x); err != nil {
		return err
	}
	if len(r.Obstacles) > 0 {
		return errors.New("the move would be refused")
	}
	return nil
}

func (x *Explanation) String() string {
	var b strings.Builder
	verdict := "would move"
	if len(x.Obstacles) > 0 {
		verdict = "cannot move"
	}
	fmt.Fprintf(&b, "%s from node %d to node %d\n", processesText(x.PID, x.Processes, verdict), x.Node, x.Target)
	for _, o := range x.Obstacles {
		words := []string{}
		switch {
		case o.Node != 0 && !strings.HasPrefix(o.Why, fmt.Sprintf("node %d ", o.Node)):
			words = append(words, fmt.Sprintf("node %d", o.Node))
		case o.PID != 0:
			words = append(words, fmt.Sprintf("process %d:", o.PID))
		}
		if o.What != "" {
			words = append(words, o.What)
		}
		fmt.Fprintf(&b, "  %s\n", strings.Join(append(words, o.Why), " "))
	}
	if x.More > 0 {
		fmt.Fprintf(&b, "  and %d reasons more\n", x.More)
	}
	m := x.Report
	fmt.Fprintf(&b, "  %d pages to send (%s), %d found there, %d of zeros", m.Pages, Size(m.Bytes), m.FilePages, m.ZeroPages)
	if m.SharedPages > 0 {
		fmt.Fprintf(&b, ", %d shared", m.SharedPages)
	}
	fmt.Fprintf(&b, "; state about %s\n", Size(int64(m.StateBytes)))
	for _, f := range x.Files {
		fmt.Fprintf(&b, "  %s goes along (%s): node %d lacks it\n", f.Path, Size(f.Size), x.Target)
	}
	how := m.Strategy
	if m.Left > 0 {
		how += fmt.Sprintf(", which leaves %d pages on %s", m.Left, m.LeftOn)
	}
	basis := fmt.Sprintf("as the last %d moves from node %d were", x.Moves, x.Node)
	switch x.Moves {
	case 0:
		basis = fmt.Sprintf("a guess: nobody has moved from node %d yet", x.Node)
	case 1:
		basis = fmt.Sprintf("as the last move from node %d was", x.Node)
	}
	fmt.Fprintf(&b, "  by %s: about %s in all, precopy %s, frozen for %s (transfer %s, commit %s); %s\n",
		how, millis(m.TotalUs), millis(m.PrecopyUs), millis(m.FreezeUs), millis(m.TransferUs), millis(m.CommitUs), basis)
	return b.String()
}

// processesText is processes and a verb.
func processesText(pid int32, all []int32, verb string) string {
	if len(all) < 2 {
		return fmt.Sprintf("process %d %s", pid, verb)
	}
	words := make([]string, len(all))
	for i, pid := range all {
		words[i] = fmt.Sprint(pid)
	}
	return fmt.Sprintf("processes %s %s", strings.Join(words, ", "), verb)
}
