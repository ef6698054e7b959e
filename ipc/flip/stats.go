package flip

// Stats counts what a box did and what it refused. All counters only grow.
type Stats struct {
	FramesIn, FramesOut uint64
	BytesIn, BytesOut   uint64 // in those, with their Ethernet headers
	Sent, Delivered     uint64 // messages
	Local               uint64 // of them, between addresses of this box

	LocatesIn, LocatesOut, HereIsOut uint64
	LocatesHeldBack                  uint64 // by the rate limit
	BusyIn, BusyOut                  uint64
	NotHereIn, NotHereOut            uint64
	AcksIn, AcksOut                  uint64

	// Of routers.
	Forwarded    uint64 // frames sent on
	NoRoute      uint64 // of them none, and NOTHERE said so
	TooBigOut    uint64 // fragments longer than the next network takes
	UntrustedOut uint64 // secure frames without a safe way
	HopLimit     uint64 // frames that have cost too much
	RefusalsKept uint64 // NOTHEREs that would promise more than is known

	Echoes      uint64 // own frames for everybody that came back round a loop
	UntrustedIn uint64

	Resent      uint64 // fragments sent again
	Timeouts    uint64 // of bulk messages
	Undelivered uint64 // messages given up

	Malformed    uint64 // frames no box sends
	Unwanted     uint64 // frames for nobody here
	Duplicates   uint64 // fragments or messages that had arrived before
	StaleEpoch   uint64 // frames from a place their source has left
	Conflicts    uint64 // frames claiming an address that is active here
	JoinsDropped uint64 // unfinished messages given up
	RoutesPurged uint64 // routes forgotten to make room
	TooLong      uint64 // fragments of messages beyond MaxMessage
}
