package lab

import "strings"

// Tell runs a plan and returns what happened, line by line, and what was broken.
func Tell(p *Plan) (told string, broken []string) {
	var b strings.Builder
	r := Run(p, func(line string) { b.WriteString(line + "\n") })
	if r.Broken == "" {
		b.WriteString("all is well\n")
	}
	return b.String(), r.Errors
}
