package node

import "motile/proc/api"

// pace is how fast the last moves from a node were, to tell how long the next will take.
type pace struct {
	last [paceMoves]paced
	n    int // moves noted, ever
}

// paced is one of them. Times are in µs.
type paced struct {
	pageBytes, transfer, commit, negotiate int64
	fileBytes, precopy                     int64
	flushBytes, flush                      int64 // of pages that went to a file server
}

// What is assumed of a node from which nobody has moved: an emulated machine on a busy
// host. A guess, and said to be one.
const (
	paceMoves        = 16
	guessedRate      = 20 // bytes a µs, MB/s
	guessedFlush     = 5  // to a file server
	guessedCommit    = 5000
	guessedNegotiate = 2000
)

// note takes in a move that has ended well; stream is how many bytes its pages were, and flushed
// how many went to a file server.
func (p *pace) note(r *api.MoveReport, stream, flushed int64) {
	m := paced{commit: r.CommitUs, negotiate: r.NegotiateUs, fileBytes: r.Bytes - stream - flushed, precopy: r.PrecopyUs}
	if flushed > 0 { // its transfer was hardly anything else
		m.flushBytes, m.flush = flushed, r.TransferUs
	} else {
		m.pageBytes, m.transfer = stream, r.TransferUs
	}
	p.last[p.n%paceMoves] = m
	p.n++
}

// moves is on how many a prediction is based.
func (p *pace) moves() int { return min(p.n, paceMoves) }

// sum adds the last moves up.
func (p *pace) sum() (sum paced) {
	for _, m := range p.last[:p.moves()] {
		sum.pageBytes, sum.transfer, sum.commit = sum.pageBytes+m.pageBytes, sum.transfer+m.transfer, sum.commit+m.commit
		sum.negotiate, sum.fileBytes, sum.precopy = sum.negotiate+m.negotiate, sum.fileBytes+m.fileBytes, sum.precopy+m.precopy
		sum.flushBytes, sum.flush = sum.flushBytes+m.flushBytes, sum.flush+m.flush
	}
	return sum
}

// commit is how long the last step takes in which processes stand still, µs.
func (p *pace) commit() int64 {
	if n := int64(p.moves()); n > 0 {
		return p.sum().commit / n
	}
	return guessedCommit
}

// transfer is how long so many bytes of pages take, µs.
func (p *pace) transfer(bytes int64) int64 {
	sum := p.sum()
	return inProportion(bytes, sum.transfer, sum.pageBytes, guessedRate)
}

// predict fills in the times of a move whose pages take r.Bytes, and adds the files and what goes to a
// file server: what the mean of the last moves would be, bytes in proportion.
func (p *pace) predict(r *api.MoveReport, files, flushed int64) {
	sum := p.sum()
	r.CommitUs, r.NegotiateUs = p.commit(), guessedNegotiate
	if n := int64(p.moves()); n > 0 {
		r.NegotiateUs = sum.negotiate / n
	}
	r.TransferUs = p.transfer(r.Bytes) + inProportion(flushed, sum.flush, sum.flushBytes, guessedFlush)
	r.PrecopyUs = inProportion(files, sum.precopy, sum.fileBytes, guessedRate)
	r.FreezeUs = r.TransferUs + r.CommitUs
	r.TotalUs = r.NegotiateUs + r.PrecopyUs + r.FreezeUs
	r.Bytes += files + flushed
}

// inProportion is how long n bytes take if so many took so long; if none did, at a rate.
func inProportion(n, took, bytes, rate int64) int64 {
	if bytes == 0 {
		return n / rate
	}
	return int64(float64(n) * float64(took) / float64(bytes))
}
