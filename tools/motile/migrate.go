package main

type migrateCmd struct {
	facts
	Strategy string `help:"How pages travel (default: the target decides)." placeholder:"S"`
	Cap      string `help:"File with a capability that allows it." placeholder:"FILE" type:"path"`
	PID      int    `arg:"" name:"pid" help:"The process."`
	Node     int    `arg:"" help:"Number of the node it goes to."`
}

// Run moves a process.
func (*migrateCmd) Run() error { return notBuilt("migrate") }

type drainCmd struct {
	facts
	Node int `arg:"" help:"Number of the node."`
}

// Run empties a node.
func (*drainCmd) Run() error { return notBuilt("drain") }

type resolveCmd struct {
	PID  int    `arg:"" name:"pid" help:"The process."`
	What string `arg:"" help:"discard: this copy is dead; resume: it lives." enum:"discard,resume"`
}

// Run ends a doubt.
func (*resolveCmd) Run() error { return notBuilt("resolve") }

type capCmd struct {
	Rights string `help:"Rights to keep." required:"" placeholder:"R"`
	PID    int    `arg:"" name:"pid" help:"The process."`
}

// Run makes a capability.
func (*capCmd) Run() error { return notBuilt("cap") }
