// Package flipnodetest is a network for tests of what runs on flipnodes.
package flipnodetest
