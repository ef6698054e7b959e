//go:build metal

package main

import (
	"fmt"
	"runtime"
	"sort"
	"strings"

	"motile/boot/rt"
)

// profile lists the functions in which the samples found the kernel.
func profile() string {
	counts := make(map[string]int)
	samples := rt.Profile()
	for _, pc := range samples {
		name := "user mode"
		if pc != 0 {
			if fn := runtime.FuncForPC(uintptr(pc)); fn != nil {
				name = fn.Name()
			} else {
				name = "?"
			}
		}
		counts[name]++
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return counts[names[i]] > counts[names[j]] })
	var b strings.Builder
	fmt.Fprintf(&b, "profile %d samples\n", len(samples))
	for _, name := range names[:min(len(names), 40)] {
		fmt.Fprintf(&b, "profile %6d %s\n", counts[name], name)
	}
	return b.String()
}
