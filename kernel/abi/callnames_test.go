package abi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// Each call that has a constant has a name, and it is the same one.
func TestCallName_OfAllConstants(t *testing.T) {
	if got := CallName(SysNanosleep); got != "nanosleep" {
		t.Error(got)
	}
	if got := CallName(SysTransWithin); got != "trans_within" {
		t.Error(got)
	}
	if got := CallName(9999); got != "call 9999" {
		t.Error(got)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "syscalls.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := func(constant string) bool { // the longest constants are cut
		return slices.ContainsFunc(append(linuxCalls[:], motileCalls[:]...), func(n string) bool {
			return strings.HasPrefix(strings.ReplaceAll(n, "_", ""), strings.ToLower(constant))
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name, ok := strings.CutPrefix(spec.Names[0].Name, "Sys")
		if ok && name != "Motile" && !named(name) {
			t.Errorf("Sys%s has no name", name)
		}
		return true
	})
}
