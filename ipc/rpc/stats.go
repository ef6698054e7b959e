package rpc

// Stats counts what a machine did and what it refused. All counters only grow.
type Stats struct {
	Trans, TransLocal   uint64 // transactions begun; of them, with a server on this node
	Requests, Replies   uint64 // accepted from and sent to clients
	Completed, Failed   uint64 // transactions of ours that ended, well or badly
	LocatesOut, HereIss uint64 // LOCATEs sent, HEREISs received
	NaksIn, NaksOut     uint64
	Retrans             uint64 // REQUESTs and REPLYs sent again
	Enquiries           uint64
	Forwards            uint64 // requests of ours that a server sent elsewhere
	Pulls, Parts        uint64 // sent
	Duplicates          uint64 // REQUESTs for a tid already known
	FailsOut            uint64
	Strays              uint64 // messages about nothing we know
	Malformed           uint64
	RowsPurged          uint64 // of duplicate windows, before their time
}
