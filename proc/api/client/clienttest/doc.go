// Package clienttest is a cluster that exists in memory only, for tests of what
// talks to one.
package clienttest
