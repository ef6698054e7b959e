package lib

import (
	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/ipc/std/service"
)

// ServeObjects is Serve for a server whose objects are named by capabilities: s checks
// them, and answers the standard commands. handle gets the others, with the object that
// the request is about. Objects belong to whoever serves: one goroutine.
func ServeObjects[T any](get capability.Port, room int, s *service.Service[T], handle func(obj T, h *std.Header, data []byte) []byte) error {
	return Serve(get, room, func(h *std.Header, data []byte) []byte {
		obj, reply, done := s.Serve(h, data)
		if !done {
			reply = handle(obj, h, data)
		}
		return reply
	})
}
