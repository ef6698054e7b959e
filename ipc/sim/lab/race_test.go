//go:build race

package lab

// slow says that all takes about eight times as long.
const slow = true
