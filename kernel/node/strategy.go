package node

import (
	"fmt"
	"strings"

	"motile/proc/api"
)

// strategy is how the pages of processes travel. The names are those of the literature;
// migrate/PROTOCOL.md says whose each is.
type strategy uint8

const (
	auto       strategy = iota // the node chooses one of the others, when it knows how much there is to send
	copyAll                    // all at once, frozen: LOCUS, Charlotte, Amoeba
	precopyAll                 // in rounds while they run: V
	reference                  // when they are touched, from the source: Accent
	hybrid                     // in rounds, and what is left by reference
	flushing                   // to the file server, and from there when they are touched: Sprite
	dirty                      // those that were written, frozen; the others by reference: MOSIX
	strategies                 // how many there are
)

var strategyNames = [strategies]string{"auto", "copy", "precopy", "reference", "hybrid", "flush", "dirty"}

func (s strategy) String() string { return strategyNames[s] }

// strategyOf finds a strategy by its name; none is auto.
func strategyOf(name string) (strategy, error) {
	for s, is := range strategyNames {
		if name == is || name == "" {
			return strategy(s), nil
		}
	}
	return 0, fmt.Errorf("there is no strategy %q; there are %s", name, strings.Join(strategyNames[:], ", "))
}

// precopies reports whether pages are sent while the processes run.
func (s strategy) precopies() bool { return s == precopyAll || s == hybrid }

// leaves reports whether pages are left for after the move, on the source.
func (s strategy) leaves() bool { return s == reference || s == hybrid || s == dirty }

// choose is what auto comes to: a copy if the pages take no longer than the processes may
// stand still, else precopying. Neither leaves anything behind: that a process needs
// another node for its memory is for somebody to ask for.
func (s *source) choose() strategy {
	pages := s.pages()
	if (s.pace().transfer(int64(pages)<<12)+s.pace().commit())*1000 <= s.maxFreeze {
		return copyAll
	}
	return precopyAll
}

// foresee makes of what a copy would come to what is to be expected of the strategy. How much is
// written while rounds are sent nobody knows before.
func (s strategy) foresee(r *api.MoveReport) {
	r.Strategy = s.String()
	if s.precopies() {
		r.PrecopyUs, r.TransferUs = r.PrecopyUs+r.TransferUs, 0
	}
	r.FreezeUs = r.TransferUs + r.CommitUs
	r.TotalUs = r.NegotiateUs + r.PrecopyUs + r.FreezeUs
}
