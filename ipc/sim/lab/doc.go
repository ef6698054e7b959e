// Package lab runs histories of the simulated cluster and judges them.
//
// A Plan is all that a history depends on: nodes and networks, processes, and what
// befalls them, when. Generate makes one from a seed, Parse from a text that people
// can read; Run lets it happen. What the wire does by chance is written down as it
// happens, frame by frame, so a history that breaks something can be replayed
// without chance, and Shrink takes out of it whatever is not needed to break it.
// What is left is a script.
//
//	nodes 3
//	seed 7                            of the machines' own random numbers
//	network 1,2 mtu=1500              one line each; without any there is one for all
//	wire delay=100µs loss=0.1         what befalls frames by chance: jitter, loss, dup, reorder, damage
//	strict                            every transaction must be answered
//	staff                             servers that die are replaced
//	counter s node=2 port=p threads=1 work=5ms
//	relay r node=2 port=q to=p threads=1
//	client c node=1 port=p threads=1 n=3 think=1ms send=100 want=100 patience=5s
//	member m1 node=1 port=g threads=1 n=3 think=1ms send=100 r=1
//	at 10ms migrate s node=3 pages=1 build=5ms
//	at 12ms crash 3 for=300ms
//	at 20ms cut 1,2 for=1s            a partition of all networks
//	at 20ms exit s
//	at 20ms interrupt c
//	frame 17 lose                     the 17th copy of a frame meant for some node
//	frame 18 twice
//	frame 19 late for=5ms
//	frame 20 damage
//	frame 21 crash 2 for=300ms        when it is sent: any of the events above
//
// The members of one port are a group, which the first of them creates with resilience
// r. A new view is made by more than half of as many as there are in the plan. If nodes
// die or are cut off for long, r must be such that r+1 and so many are more than all:
// else messages may be lost, and that is no finding.
//
// After the last event, transaction and message the wire becomes perfect, partitions heal
// and nodes boot; then everything must come to rest.
package lab
