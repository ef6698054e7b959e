// Package topology reads descriptions of clusters on several networks:
//
//	# two networks, and two routers between them in parallel
//	net a
//	net b mtu=1500
//	node 1 a
//	node 2 a b      # a node on two networks is a router
//	node 3 a b
//	node 4 b machine=q35 mem=256
//
// A line is about a network or a node, and options; what follows # is a comment.
//
//	net NAME [mtu=BYTES] [weight=COST]
//	node NUMBER NET... [mem=MB] [machine=microvm|pc|q35] [mtu=BYTES]
//
// Networks are named before the nodes on them. The tools of the host are on the
// first. Nodes are numbered from 1, without gaps, in any order; a node has one card
// on each of its networks, in their order.
package topology
