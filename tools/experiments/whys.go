package main

import "strings"

// whys say of targets that may be missed what profiles say about that (motile profile, while it is
// measured; motile trace for the phases). They are told of targets that are not met.
var whys = []struct{ target, why string }{
	{"`copy`, 16 MB", whyCopy},
	{"`copy`, 64 MB", whyCopy},
	{"`copy`, 1 MB", "`copy` of 1 MB: 5 to 7 ms of the 15 are those of a process without memory, and the rest is as for 64 MB."},
	{"`copy` on the bridge shaped", "a: a process without memory sends some 11 KB, with its state, in four messages each way; at 10 Mbit/s these are 10 ms, the rest is the time that the nodes take (a on the unshaped bridge), and what a message waits for the one before."},
	{"exec at another node ≤ 1.5 × local fork+exec+exit; by its process server", "exec by the process server: three transactions, each by a goroutine of a Go program that has to be woken on another thread, and a search for the new process's address, beside a fork, exec and exit that take less than 2 ms in all."},
	{"exec at another node ≤ 1.5 × local fork+exec+exit; by `on`", "exec by `on`: it is a Go program of 3 MB, and told to stay here it takes most of the time already (\"here, by `on`\"). To go elsewhere adds some 20 ms, half of them its move; where the other half goes was not looked into. A kernel that moved a process within exec, as Sprite's, would save most of it: not built."},
	{"`precopy`: a client", "a client's gap: the longest is mostly the freeze, 7 to 14 ms, with the BUSY that the client hears until the target has announced the address. In the rounds a request waits behind three messages of pages (decision 282), " +
		"up to 10 ms; now and then one of them, or a step of the freeze, takes 10 ms longer, when three QEMUs at work and the bridge share the host's two CPUs."},
	{"`precopy`: freeze", "the freeze of `precopy`: nothing in it is in proportion to memory any more but a look at each page-table entry, 0.3 ms of 64 MB (decision 279). PREPARE and COMMIT are 2 ms each, of which writing the state, reading it and building the process are 0.7 ms each; no function has 7 % of it."},
	{"`reference`: freeze", "the freeze by `reference`: as that of `precopy`; what is in proportion to memory is below 1 ms for 64 MB (decision 278)."},
	{"null process by `flush`", "a null process by `flush`: its pages are a file at the server before it may go on, which is a request to another node and that node's answer after its disk's; nothing is left out because it is small."},
	{"null trans on one node", "a null trans on one node: of 17 µs, 10 are the dispatcher and the RPC protocol, in many small functions, none above 2 %; 2.5 are two changes of address space (46 µs, of which 27 these, before decision 276), 2 the programs, 3 their entering and leaving the kernel six times. For stretches of seconds each takes 25 µs instead of 17, and everything in it, the programs too, is slower by the same half: in " +
		"2 of 12 boots on an idle host, in 6 of 6 beside 32 idle QEMUs. So it is the host, whose CPUs may be halves of one; no more translations are forgotten then than else."},
	{"migrate --strategy", "freezes against CRIU's: ours is 7 to 10 ms for this Go program, however small its memory (4 to 6 for a small C program: speed). On a good day `motile trace` has 0.6 ms to freeze and capture it, 0.8 for the last 15 pages, 0.7 to write 8 KB of state, 1.4 to read that, 0.6 to build the process, 0.4 to let it run, " +
		"and five messages of 0.25 to 0.5 ms one after the other, in an emulator in which a null trans between nodes takes 0.3 to 0.4. Reading the state is CBOR by reflection: half of it is checks that it is well formed, 60 signal handlers and 25 regions are most of the rest; decoding those by hand saved a quarter of the reading, 0.3 ms, and was not worth its length. " +
		"To write the state while the last pages are under way saved nothing: their frames wait for the same CPU. The total of 16 MB is that of its pages in rounds: see `copy` of many MB."},
	{"1 MB as a request", "bulk messages: see `copy` of 64 MB, without the hash."},
}

const whyCopy = "`copy` of many MB: the frames alone hardly use the nodes' CPUs, the bridge and the cards carry them. A move has each CPU look at every byte three times, at 1.7 GB/s and less: the source copies it into a message and " +
	"again into the card's buffer, the target out of the card's and then into its page, and SipHash reads it at either end; 7,500 frames at some 5 µs a node come on top. No part has more than a quarter of it (decisions 272, 274 and 275, " +
	"with what was tried: frames that the card reads where pages are, other copying loops, fewer interrupts)."

// why is what is known of a target that is not met; ok is false if nothing is.
func why(what string) (text string, ok bool) {
	for _, w := range whys {
		if strings.HasPrefix(what, w.target) {
			return w.why, true
		}
	}
	return "", false
}
