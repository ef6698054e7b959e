package move

// Rounds decides, while a process runs and its pages are sent again and again, when it
// is time to stop it: precopying, as V did it (Theimer, Lantz and Cheriton, SOSP 1985).
// V made a fixed few rounds; here they end when what is left fits into the time the
// process may stand still, or when more of them would not help. Times are in ns.
type Rounds struct {
	// MaxFreeze is how long it should stand still, Fixed how much of that is not for
	// pages: the image, and the messages about it.
	MaxFreeze, Fixed int64

	made  int
	pages int   // sent in all rounds
	took  int64 // for these
	left  int   // pages that are dirty now
}

// Bounds of precopying.
const (
	maxRounds = 12
	// fewPages are stopped for at once: a round of so few takes no longer than what a
	// round costs by itself.
	fewPages = 16
	// shrinking is by how much the dirty set must become smaller, in eighths of what it
	// was: else the process writes as fast as the network carries.
	shrinking = 7
)

// Sent takes in a round: how many pages it sent, how long that took, and how many are
// dirty at its end.
func (r *Rounds) Sent(pages int, took int64, dirty int) {
	r.made, r.pages, r.took = r.made+1, r.pages+pages, r.took+took
	if r.made > 1 && dirty*8 > r.left*shrinking && dirty > r.fit() {
		r.made = maxRounds // it does not shrink any more
	}
	r.left = dirty
}

// Again reports whether another round is worth while.
func (r *Rounds) Again() bool { return r.made < maxRounds && r.left > r.fit() }

// Kept reports whether what is left fits into the time there is.
func (r *Rounds) Kept() bool { return r.left <= r.fit() }

// fit is how many pages can be sent in the time there is, at the rate of the rounds so far.
func (r *Rounds) fit() int {
	if r.pages == 0 || r.took <= 0 {
		return fewPages
	}
	return max(fewPages, int(max(r.MaxFreeze-r.Fixed, 0)*int64(r.pages)/r.took))
}
