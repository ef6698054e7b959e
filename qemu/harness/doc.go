// Package harness boots clusters for end-to-end tests.
//
//	c := harness.Start(t, harness.Options{Nodes: 2})
//	c.Node(1).Send("uname\r")
//	c.Node(1).WaitFor(`Motile\r\n`)
//
// A cluster belongs to its test: it goes down with it, has a deadline, and if
// the test fails, the ends of all consoles are printed. QEMUs take turns: tests
// of several packages, which go test runs side by side, together run no more
// of them than the host's CPUs can bear (slots.go).
package harness
