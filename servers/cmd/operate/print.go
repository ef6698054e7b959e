package operate

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// PrintJSON prints facts for programs.
func PrintJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// PrintTable prints facts for people: the first row is the heading. Numbers are
// aligned as words are.
func PrintTable(w io.Writer, rows [][]any) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, cell)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// Size is a number of bytes for people.
func Size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1000<<10:
		return fmt.Sprintf("%.3g kB", float64(bytes)/(1<<10))
	case bytes < 1000<<20:
		return fmt.Sprintf("%.3g MB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.3g GB", float64(bytes)/(1<<30))
}

// Duration is a time for people, to a second or better.
func Duration(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// millis is a number of µs as ms.
func millis(us int64) string { return fmt.Sprintf("%.2f ms", float64(us)/1000) }
