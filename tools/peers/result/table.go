package result

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table prints the record for a terminal.
func (r *Result) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, suite := range r.suites() {
		fmt.Fprintf(t, "%s\n%s\n", suite, strings.Join(heads, "\t"))
		for i := range r.Rows {
			if row := &r.Rows[i]; row.Suite == suite {
				fmt.Fprintln(t, strings.ReplaceAll(strings.Join(row.cells(), "\t"), "**", ""))
			}
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, m := range r.Missing {
		fmt.Fprintf(w, "Not measured: %s, because %s.\n", m.Peer, strings.TrimSuffix(m.Why, "."))
	}
	_, err := fmt.Fprintln(w, r.Conditions())
	return err
}
