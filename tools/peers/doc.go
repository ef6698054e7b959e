// Command peers measures Motile beside its peers, in one run, on one bridge and in the
// same QEMU: what "make bench-peers" prints.
//
//	peers [-run PATTERN] [-runs N] [-short] [-json] [-o FOLDER]
//	peers -render FOLDER
//
// The peers are Linux guests with Debian's kernel (tools/peers/linuxguest is all that
// runs there), CRIU of Debian's package in them, and QEMU's own live migration. The
// scripts linux and peers download what is needed; where that cannot be, the report says
// what was not measured, and why. What is compared is measured in turns (A B A B …), and
// ratios are between medians of one run.
//
//	main.go      the suites, and the report
//	bed.go       a cluster of Motile nodes
//	guests.go    two Linux guests on its bridge
//	pingpong.go  messages: transactions against UDP, TCP and pipes; bulk against TCP
package main
