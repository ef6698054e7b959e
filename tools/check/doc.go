// Package check holds the rules about the source that no compiler knows: who may
// import whom, what the kernel may be linked with, where unsafe code may be. The
// rules are tables (rules_test.go), and breaking one fails a test.
package check
