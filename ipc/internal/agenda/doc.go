// Package agenda is what a simulated world has still to do, in order of time.
package agenda
