package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/vm"
	"motile/proc/api"
)

// serveGetFile gives a piece of an immutable file to who knows its digest: a
// checkpoint takes along what other nodes may lack.
func (n *Node) serveGetFile(r *rpc.Incoming) {
	if len(r.Data) != len(vm.Digest{}) {
		n.reply(r, std.ArgBad, nil)
		return
	}
	node := n.K.FS.ByDigest(vm.Digest(r.Data))
	if node == nil {
		n.reply(r, std.NotFound, nil)
		return
	}
	q := api.GetFileReply{Path: node.Path, Size: node.Store().Size(), Boot: node.Boot}
	if off := r.Header.Offset; off < uint64(q.Size) {
		q.Data = make([]byte, min(uint64(r.Header.Size), maxFilePiece, uint64(q.Size)-off))
		node.Store().ReadAt(q.Data, int64(off))
	}
	n.replyWith(r, q)
}

// maxFilePiece is what one answer has of a file.
const maxFilePiece = 256 << 10
