// Command peers measures Motile beside its peers, in one run, on one bridge and in the
// same QEMU: what "make bench-peers" prints.
//
//	peers [-run PATTERN] [-runs N] [-short] [-json] [-o FOLDER]
//
// The peers are Linux guests with Debian's kernel (tools/peers/linuxguest is all that
// runs there), CRIU of Debian's package in them, and QEMU's own live migration. The
// scripts linux and peers download what is needed; where that cannot be, the report says
// what was not measured, and why. What is compared is measured in turns (A B A B …), and
// ratios are between medians of one run. Guests are halted while nodes are measured; nodes,
// which are not, idle while guests are.
//
//	main.go      the suites, and the report
//	bed.go       a cluster of Motile nodes
//	guests.go    two Linux guests on its bridge
//	pingpong.go  messages: transactions against UDP, TCP and pipes; bulk against TCP
//	worker.go    the program that is moved, on a node (tools/peers/worker)
//	moves.go     one move of it, by a strategy of ours or a mode of CRIU's
//	criu.go      every strategy of ours against CRIU's best
//	live.go      the same against QEMU's live migration of a whole guest
//
// What is measured of a move is the time from the order, as who carries it out has it,
// until the program runs at the target; and the freeze. CRIU's freeze is the longest time
// between two of the program's own looks at the clock, for which the guests' clocks are set by
// each other before every move; ours is by the source's clock, because nodes' clocks agree
// to some milliseconds only, and what the program itself missed is noted beside it. CRIU's
// guests have all connections before an order comes, and copy images without encryption:
// a move by scp would take longer.
package main
