// Package rpc is Amoeba's remote procedure call: trans, getreq, putrep.
//
// A client's trans finds a thread that waits in getreq on a port, hands it a
// request, and returns its reply. The thread answers with putrep. A request is
// executed at most once. If it may have been executed and the reply cannot be had,
// trans says RPC_FAILURE; if it certainly has not been, RPC_NOTFOUND.
//
// Both sides may be stopped at any instant, turned into a value and taken up on
// another node: identity and memory of transactions belong to the Endpoint, not to
// a kernel (Amoeba's kid, tid counter and duplicate window belonged to the kernel,
// and with them its processes could not move between a request and its reply).
// PROTOCOL.md has the messages and the rules.
//
// # The machine
//
// A Machine has one owner and drives one flip.Box. The owner calls:
//
//	Input, Tick, NextDeadline           frames and time
//	Trans, GetReq, PutRep               a thread's calls, by slot
//	Listen, Reply                       endpoints that the kernel serves itself
//	Transact, GetReqInto, PutRepFrom    the same with deadlines and long data
//	Forward                             instead of PutRep: let another server answer
//	AbortTrans, AbortGetReq, Signal     signals
//	Forget                              a thread dies
//	Freeze, Export, Import, Activate,   a move
//	Remove, Thaw, Silence
//
// and performs Frames and Out, then calls Reset. There is no clock, goroutine, lock
// or randomness inside. Calls return std.OK or an error at once, or Wait: then a
// Complete follows, or is in Out already.
//
// A slot is a number that the caller chooses for one blocked call, such as the
// index of a thread or of its record of the call. A slot has one transaction at a
// time as client, and one request at a time as server; the two are independent.
// Numbers are small and used again.
//
// The states are where the types are: of an endpoint in endpoint.go, of a client's
// slot in client.go, of a row of the duplicate window in window.go.
//
// # Who owns which bytes
//
// The data given to Trans, PutRep and Reply belong to the machine, and the data in
// effects to whoever takes them. But within a node it is the same slice: nobody
// writes to data that has been sent or received. Headers are copied. Data too long
// for one message stays with the endpoint's owner (Memory).
//
// # Locality
//
// Between endpoints of one node no message is made, no timer set and no byte
// copied (handover.go). The state left on both sides is that of two nodes, so
// either may leave at any instant. That is the common case, and it is meant to be
// cheap: about 100 ns natively for trans, putrep and getreq together, without
// allocation.
//
// # Files
//
// client.go and answer.go: the client. server.go, reply.go, window.go: the server.
// handover.go: both on one node. pull.go: long data. forward.go, limit.go: what else
// may end a transaction. port.go, locate.go: finding servers. freeze.go,
// export.go, codec.go: moving. wire.go: the format.
package rpc
