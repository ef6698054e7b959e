package testbed

import (
	"context"
	"fmt"
	"net"

	"motile/proc/api"
	"motile/qemu/machine"
)

const (
	// PingBytes is the length of a frame that is sent there and back.
	PingBytes = 64
	// warmUp is how many exchanges come before those that count.
	warmUp = 20
)

// Pings has node 1 exchange short frames with a station, one after the other.
func (b *Bed) Pings(ctx context.Context, peer []byte, rounds int) (api.EchoReply, error) {
	q := &api.EchoRequest{Station: peer, Rounds: warmUp, Window: 1, Size: PingBytes}
	if _, err := b.echo(ctx, 1, q); err != nil {
		return api.EchoReply{}, err
	}
	q.Rounds = rounds
	return b.echo(ctx, 1, q)
}

// echo exchanges frames, and sees to it that none was lost.
func (b *Bed) echo(ctx context.Context, node int, q *api.EchoRequest) (api.EchoReply, error) {
	r, err := b.Client.Node(node).Echo(ctx, q)
	if err == nil && (len(r.RoundNs) != q.Rounds || r.Dropped > 0) {
		err = fmt.Errorf("echo: %d of %d frames came back, the card had no room for %d", len(r.RoundNs), q.Rounds, r.Dropped)
	}
	return r, err
}

// Bulk frames are sent in rounds, each acknowledged; so many rounds are under way.
const bulkWindow = 4

// bulkFrames is how many frames a round has: as many as one may ask for, and as the
// rings of a card hold when frames are long.
func bulkFrames(mtu int) int { return min(28, 400_000/mtu) }

const etherHeader = 14

// driverBytes is what the driver carries for one measurement: as a rate, not as
// one message with its beginning and end.
const driverBytes = 4e6

// Bare is how long the driver takes to carry so many bytes to another node, in frames of an
// MTU, ns.
func (b *Bed) Bare(ctx context.Context, from, to, mtu int, bytes float64) (float64, error) {
	frames := bulkFrames(mtu)
	rounds := driverBytes / (mtu * frames)
	took, err := b.fill(ctx, from, to, rounds, frames, mtu)
	return took * bytes / float64(rounds*frames*mtu), err
}

// Carry is how long the driver takes to bring so many bytes to another node, in
// frames as long as they can be, in nanoseconds.
func (b *Bed) Carry(ctx context.Context, from, to, bytes int) (float64, error) {
	const frames = 16
	const round = frames * machine.DefaultMTU
	rounds := (bytes + round - 1) / round
	// Rounds are equal, so frames are a little shorter than they could be.
	return b.fill(ctx, from, to, rounds, frames, (bytes+rounds*frames-1)/(rounds*frames))
}

// Speed is how many bits a second get to another node, in frames of the driver with so
// many bytes each, one round of them after the other.
func (b *Bed) Speed(ctx context.Context, from, to, rounds, frames, bytes int) (float64, error) {
	ns, err := b.fill(ctx, from, to, rounds, frames, bytes)
	return float64(rounds*(frames*(etherHeader+bytes)+PingBytes)) * 8 / ns * 1e9, err
}

// fill is how long the driver takes for rounds of frames to another node, each with
// so many bytes behind its Ethernet header, in nanoseconds.
func (b *Bed) fill(ctx context.Context, from, to, rounds, frames, bytes int) (float64, error) {
	peer, err := Station(to)
	if err != nil {
		return 0, err
	}
	r, err := b.echo(ctx, from, &api.EchoRequest{
		Station: peer, Rounds: rounds, Window: bulkWindow, Size: PingBytes, Fill: frames, FillSize: etherHeader + bytes,
	})
	return float64(r.TotalNs), err
}

// Station is the hardware address of a node's first card.
func Station(node int) (net.HardwareAddr, error) { return net.ParseMAC(machine.MAC(node, 0)) }
