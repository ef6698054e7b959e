package check

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// packageComment is how a doc.go begins: with constraints, if any, and a comment
// that names the package.
var packageComment = regexp.MustCompile(`(?m)\A(?://go:build [^\n]*\n\n)?// (?:Package|Command) \S+ (?:[^\n]*\n(?://[^\n]*\n)*)package \w+\n`)

// TestPackagesSayWhatTheyAre: whoever opens a folder finds doc.go there, and what
// the package is for in it.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range ours(t) {
		name, _ := own(p.ImportPath)
		if seen[name] {
			continue
		}
		seen[name] = true
		content, err := os.ReadFile(filepath.Join(top, name, "doc.go"))
		switch {
		case err != nil:
			t.Errorf("%s has no doc.go", name)
		case !packageComment.Match(content):
			t.Errorf("%s/doc.go does not begin with what the package is", name)
		}
	}
}
