// Package pty is a person at a terminal, for tests of what talks to one.
package pty
