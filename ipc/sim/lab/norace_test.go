//go:build !race

package lab

const slow = false
