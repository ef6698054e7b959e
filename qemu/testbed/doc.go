// Package testbed is a cluster on which things are measured: it boots one, runs the
// tests' programs on its nodes, and has the drivers alone carry frames, for comparison.
//
//	b, err := testbed.Up(ctx, testbed.Nodes(2), cluster.Config{Initrd: testbed.Archive})
//	defer b.Down()
//	times, err := b.Numbers(ctx, "calls", "null", "200", "50")
//
// The command bench and the experiments (tools/experiments) measure on it. Its bridge
// runs in the same daemon as everybody's.
package testbed
