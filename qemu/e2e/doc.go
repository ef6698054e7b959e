// Package e2e has the tests of the whole: nodes boot in QEMU, programs run on
// them, move and talk, and the host sees what came of it. Run make all guests
// first, or make e2e.
package e2e
