package main

import "strings"

// whys say of targets that may be missed what the profile says about that (motile profile while it is
// measured; DECISIONS.md 271 to 280 has the figures). They are told of targets that are not met.
var whys = []struct{ target, why string }{}

// why is what is known of a target that is not met; ok is false if nothing is.
func why(what string) (text string, ok bool) {
	for _, w := range whys {
		if strings.HasPrefix(what, w.target) {
			return w.why, true
		}
	}
	return "", false
}
