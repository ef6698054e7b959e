package abi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// Each call that has a constant has a name.
func TestCallName_OfAllConstants(t *testing.T) {
	for nr, want := range map[uint32]string{SysNanosleep: "nanosleep", SysTransWithin: "trans_within", 9999: "call 9999"} {
		if got := CallName(nr); got != want {
			t.Errorf("call %d is %s, not %s", nr, got, want)
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "syscalls.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Sys") || len(spec.Values) != 1 {
			return true
		}
		value, base := spec.Values[0], uint64(0)
		if sum, ok := value.(*ast.BinaryExpr); ok { // SysMotile + n
			value, base = sum.Y, SysMotile
		}
		if lit, ok := value.(*ast.BasicLit); ok {
			nr, err := strconv.ParseUint(lit.Value, 0, 32)
			if err != nil || strings.HasPrefix(CallName(uint32(base+nr)), "call ") {
				t.Errorf("%s has no name, %v", spec.Names[0].Name, err)
			}
		}
		return true
	})
}
