package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc"
)

func (n *Node) serveMigrate(r *rpc.Incoming)        { n.reply(r, std.ComBad, nil) }
func (n *Node) serveResolve(r *rpc.Incoming)        { n.reply(r, std.ComBad, nil) }
func (n *Node) serveMove(r *rpc.Incoming)           { n.reply(r, std.ComBad, nil) }
func (n *Node) movesRebooted(node int, boot uint64) {}
func (n *Node) moveState(p *proc.Process) string    { return "" }
