package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"motile/ipc/sim/lab"
)

// writeScript writes a plan as a file of ipc/sim/lab/testdata, with what happens in it.
func writeScript(folder string, seed uint64, failed *lab.Result, plan *lab.Plan) (file string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Found by seed %d, and made small: %s.\n\nhistory\n%s----\n", seed, failed.Broken, plan)
	told, _ := lab.Tell(plan)
	b.WriteString(told)
	file = filepath.Join(folder, fmt.Sprintf("seed_%d.txt", seed))
	return file, os.WriteFile(file, []byte(b.String()), 0o644)
}

// planOf returns the plan in such a file: what is between "history" and the line.
func planOf(script string) string {
	_, plan, ok := strings.Cut(script, "\nhistory\n")
	if !ok {
		return script
	}
	plan, _, _ = strings.Cut(plan, "\n----\n")
	return plan
}
