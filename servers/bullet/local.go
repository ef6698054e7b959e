package bullet

import (
	"motile/ipc/std"
	"motile/servers/bullet/client"
)

// Local makes requests of a server in the same process, as by messages: for tests of
// those who keep files.
func Local(v *Server) client.Trans {
	return func(h *std.Header, request, reply []byte) (int, error) {
		return copy(reply, v.Handle(h, request, reply)), nil
	}
}

// MaxData is how much data a request or its answer has at most.
const MaxData = 1<<20 - 4096
