package soap

import (
	"maps"
	"slices"
)

// age makes directories older that cannot be reached from the root, and removes those
// that have been so for a lifetime: of who made a directory and ended before he entered
// it anywhere, nothing else would tell. Who keeps a capability outside of directories
// touches it now and then.
func (s *State) age() {
	reached := map[*directory]bool{s.dirs[0]: true}
	for queue := []*directory{s.dirs[0]}; len(queue) > 0; queue = queue[1:] {
		for i := range queue[0].rows {
			for _, m := range queue[0].rows[i].Set.Members {
				if d := s.own(m.Cap); d != nil && !reached[d] {
					reached[d] = true
					queue = append(queue, d)
				}
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(s.dirs)) {
		d := s.dirs[n]
		if reached[d] {
			d.life = lifetime
		} else if d.life--; d.life <= 0 {
			s.remove(d)
		}
	}
}
