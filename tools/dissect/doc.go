// Package dissect says what the frames of a capture are: for people who read it, and
// for tests which demand that nothing on the wire is a riddle.
//
//	dissect.go   a frame: what it is, and who speaks to whom
//	station.go   hardware addresses → nodes
//	address.go   FLIP addresses → nodes, processes, the host
//	join.go      fragments → messages
//	message.go   messages → what they ask and answer
//	command.go   the commands of the kernel's servers, and their data
//	payload.go   those data → words
//	move.go      migrations, told as comments between the frames
//
// Everything is read by the decoders that the product uses. A Dissector sees the
// frames in the order of the capture and remembers what later ones need: pieces of
// messages, the requests of replies, moves under way.
package dissect
