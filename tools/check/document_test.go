package check

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the files that people read first. What they name must exist.
var documents = []string{"README.md", "TOUR.md", "DECISIONS.md", "DIVERGENCE.md", "CAVEATS.md", "EXPERIMENTS.md"}

// code returns what a document has in code spans and blocks, a line each.
func code(t *testing.T, document string) (lines []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(top, document))
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(content), "\n```") {
		if i%2 == 1 {
			lines = append(lines, strings.Split(part, "\n")[1:]...) // the first is the language
			continue
		}
		for _, span := range codeSpan.FindAllStringSubmatch(part, -1) {
			lines = append(lines, span[1])
		}
	}
	return lines
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	goal     = regexp.MustCompile(`(?:^|[$;&] ?)make((?: [A-Za-z0-9_.=-]+)*)`)
	tool     = regexp.MustCompile(`(?:^|[$;&] ?)(?:bin/)?motile ([a-z]+)(?: ([a-z]+))?`)
	filePath = regexp.MustCompile(`^(?:[\w.-]+/)*[\w-]*\.(?:go|s|h|md|sh|mod)$`)
	name     = regexp.MustCompile(`^(?:[A-Za-z_]\w*\.)?([A-Za-z_]\w*)$`)
)

func TestDocumentsNameGoals(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(top, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, d := range documents {
		for _, line := range code(t, d) {
			for _, m := range goal.FindAllStringSubmatch(line, -1) {
				for _, word := range strings.Fields(m[1]) {
					variable, _, assigned := strings.Cut(word, "=")
					found++
					switch {
					case assigned && !bytes.Contains(makefile, []byte("$("+variable+")")) && !bytes.Contains(makefile, []byte("$(if $("+variable+")")):
						t.Errorf("%s: %q: the Makefile knows no %s", d, line, variable)
					case !assigned && !bytes.Contains(makefile, []byte("\n"+word+":")):
						t.Errorf("%s: %q: the Makefile has no goal %s", d, line, word)
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("the documents name no goals of make, or the test does not see them")
	}
}

func TestDocumentsNameCommands(t *testing.T) {
	commands := toolCommands(t)
	found := 0
	for _, d := range documents {
		for _, line := range code(t, d) {
			for _, m := range tool.FindAllStringSubmatch(line, -1) {
				found++
				below, ok := commands[m[1]]
				if !ok {
					t.Errorf("%s: %q: the tool has no command %s", d, line, m[1])
				} else if len(below) > 0 && !slices.Contains(below, m[2]) {
					t.Errorf("%s: %q: %s is one of %v", d, line, m[1], below)
				}
			}
		}
	}
	if found == 0 {
		t.Error("the documents name no commands of the tool, or the test does not see them")
	}
}

// toolCommands reads the names of the tool's commands, and of those below each,
// from the fields of its command line.
func toolCommands(t *testing.T) map[string][]string {
	t.Helper()
	structs := make(map[string]*ast.StructType)
	files, err := filepath.Glob(filepath.Join(top, "tools/motile/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok {
				if st, ok := s.Type.(*ast.StructType); ok {
					structs[s.Name.Name] = st
				}
			}
			return true
		})
	}
	commands := make(map[string][]string)
	for name, of := range commandFields(structs["app"]) {
		commands[name] = nil
		for below := range commandFields(structs[of]) {
			commands[name] = append(commands[name], below)
		}
	}
	if len(commands) == 0 {
		t.Fatal("tools/motile: no commands found in type app")
	}
	return commands
}

// commandFields maps the commands among a struct's fields to their types.
func commandFields(s *ast.StructType) map[string]string {
	found := make(map[string]string)
	if s == nil {
		return found
	}
	for _, f := range s.Fields.List {
		if f.Tag == nil || len(f.Names) == 0 {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
		if _, ok := tag.Lookup("cmd"); !ok {
			continue
		}
		name := tag.Get("name")
		if name == "" {
			name = strings.ToLower(f.Names[0].Name)
		}
		of, _ := f.Type.(*ast.Ident)
		found[name] = ""
		if of != nil {
			found[name] = of.Name
		}
	}
	return found
}

// TestDocumentsNameFiles: a code span that is the path of a file names one that is
// there.
func TestDocumentsNameFiles(t *testing.T) {
	for _, d := range documents {
		for _, span := range code(t, d) {
			if !filePath.MatchString(span) || !strings.Contains(span, "/") && path.Ext(span) != ".md" {
				continue
			}
			if _, err := os.Stat(filepath.Join(top, span)); err != nil {
				t.Errorf("%s names %s: %v", d, span, err)
			}
		}
	}
}

// TestTour: in TOUR.md a name in a code span, behind the path of a file in the same
// paragraph, is declared in that file.
func TestTour(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(top, "TOUR.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, paragraph := range regexp.MustCompile(`\n(?:\n|\d+\. )`).Split(string(content), -1) {
		file := ""
		for _, m := range codeSpan.FindAllStringSubmatch(paragraph, -1) {
			span := m[1]
			switch {
			case filePath.MatchString(span):
				file = span
			case !name.MatchString(span):
			case file == "":
				t.Errorf("TOUR.md: %s is in no file: name the file before it", span)
			default:
				checked++
				if text, err := os.ReadFile(filepath.Join(top, file)); err == nil && !declares(file, text, name.FindStringSubmatch(span)[1]) {
					t.Errorf("TOUR.md: %s does not declare %s", file, span)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("TOUR.md names no functions, or the test does not see them")
	}
}

// declares reports whether a file of Go or assembly declares a name at its top level.
func declares(file string, text []byte, name string) bool {
	if path.Ext(file) == ".s" {
		return bytes.Contains(text, []byte("TEXT ·"+name+"(SB)")) || bytes.Contains(text, []byte("TEXT "+name+"<>(SB)"))
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
	if err != nil {
		return false
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name {
				return true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok && slices.ContainsFunc(v.Names, func(id *ast.Ident) bool { return id.Name == name }) {
					return true
				}
				if ty, ok := s.(*ast.TypeSpec); ok && ty.Name.Name == name {
					return true
				}
			}
		}
	}
	return false
}
