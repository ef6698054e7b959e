package byhand

import (
	"context"
	"fmt"

	"motile/proc/api"
	"motile/proc/api/client"
)

// Debugger looks into a process, wherever it is.
type Debugger struct {
	client  *client.Client
	key     api.Key
	process *client.Process
}

// debugCode is what the stun of a debugger says.
const debugCode = 4

// Attach stuns a process; it notices nothing, and its owner is not told.
func Attach(ctx context.Context, c *client.Client, key api.Key, pid int32) (*Debugger, error) {
	d := &Debugger{c, key, c.Process(pid)}
	return d, d.process.Stun(ctx, debugCode, true)
}

// Detach lets it go on.
func (d *Debugger) Detach(ctx context.Context) error { return d.process.Resume(ctx, false) }

// memory is the process's memory from the start of a page on, as an object.
func (d *Debugger) memory(page uint64) *client.Segment {
	return d.client.SegmentWith(d.key.RegionCap(d.process.PID, page), fmt.Sprintf("memory of process %d at %#x", d.process.PID, page))
}

// Peek reads memory.
func (d *Debugger) Peek(ctx context.Context, addr uint64, p []byte) error {
	return d.memory(addr&^0xfff).Read(ctx, p, addr&0xfff)
}

// Poke writes it, even where the process itself may not.
func (d *Debugger) Poke(ctx context.Context, addr uint64, p []byte) error {
	return d.memory(addr&^0xfff).Write(ctx, p, addr&0xfff)
}
