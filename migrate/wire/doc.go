// Package wire is what the two kernels of a move say to each other. All of it is
// transactions from the source's process server to the target's, but for STATUS and PULL,
// which the target asks, and NEXT, which a user-level migration server asks its own node; the commands are in proc/api, the order of things is
// package move's.
//
//	command       request              reply
//	MOVE_OFFER    Offer                OfferReply
//	MOVE_FILE     File                 none
//	MOVE_PAGES    stream.go            none
//	MOVE_STATE    State                none
//	MOVE_PREPARE  Prepare              Answer: ready, dropped, unknown
//	MOVE_COMMIT   Commit               Answer: committed, dropped, unknown
//	MOVE_ABORT    Commit               Answer: dropped, unknown, committed
//	MOVE_STATUS   Commit               Answer: moving, committed, aborted
//	MOVE_PULL     Pull                 stream.go
//	MOVE_NEXT     the reply it carried the message to carry
//
// But for the page stream the data are CBOR (image.Marshal) with numbered fields.
package wire
