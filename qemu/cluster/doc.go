// Package cluster runs nodes on networks, in a folder.
//
//	Cluster   nodes and bridges, owned by the calling program (cluster.go, node.go, network.go, faults.go)
//	Daemon    a Cluster in a background process, obeying a control socket (daemon.go, server.go)
//	Client    the other end of that socket (client.go)
//	host      the owner's place on the network: time, terminals (host.go, terminal.go)
//	Up, Down  start a daemon and wait for its nodes; stop it, whatever its condition (up.go, down.go)
//
// The folder holds
//
//	initrd.cpio   what nodes boot: the archive that was given, and the key
//	key           32 random bytes, hexadecimal: who has it owns the cluster; made once
//	lock          flocked by whoever runs the cluster; says who that is
//	state.json    nodes, machines, process ids, sockets; for scripts, and for recovery
//	nodeN.log     all that node N ever printed on its console
//	daemon.log    what the daemon did
//	sock/         sockets: control, hosts, hosts1 … (where tools attach to the networks),
//	              nN.net, nN.console, nN.qmp, nN.gdb. Where the folder's path is
//	              too long for sockets, a link to a folder that is not.
//
// Nothing outlives its owner. The QEMUs die with the program that runs the
// Cluster, even if it is killed. The lock is free from then on, and whoever
// takes it next removes what was left in the folder.
package cluster
