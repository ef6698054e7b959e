package main

import (
	"fmt"
	"slices"
	"strings"

	"motile/tools/dissect"
)

// wants reports whether a frame passes the filters: one of each kind that was given.
func (o *options) wants(f *dissect.Frame) bool {
	return (len(o.Type) == 0 || slices.ContainsFunc(o.Type, func(t string) bool { return isOfType(f, t) })) &&
		(len(o.Addr) == 0 || slices.ContainsFunc(o.Addr, func(a string) bool { return isAbout(f, a) })) &&
		(len(o.Move) == 0 || f.Move != nil && slices.Contains(o.Move, f.Move.PID))
}

func isOfType(f *dissect.Frame, t string) bool {
	for _, name := range typesOf(f) {
		if strings.EqualFold(name, t) {
			return true
		}
	}
	return false
}

// typesOf are the names of what a frame is, from below.
func typesOf(f *dissect.Frame) []string {
	switch {
	case !f.FLIP:
		return []string{"OTHER"}
	case f.Message == nil:
		return []string{f.Header.Type.String()}
	case f.Message.Command == "":
		return []string{f.Header.Type.String(), f.Message.Type}
	}
	return []string{f.Header.Type.String(), f.Message.Type, f.Message.Command}
}

func isAbout(f *dissect.Frame, a string) bool {
	hex := strings.ToLower(a)
	return f.FLIP && (a == f.Src || a == f.Dst ||
		strings.HasPrefix(fmt.Sprintf("%x", f.Header.Src), hex) ||
		strings.HasPrefix(fmt.Sprintf("%x", f.Header.Dst), hex))
}
