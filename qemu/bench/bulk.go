package main

import (
	"context"
	"fmt"
	"strconv"

	"motile/proc/api"
	"motile/qemu/cluster"
)

// Targets of a transfer, as shares of a rate.
const (
	transferShare = 0.80 // of the frames of the driver alone
	lossyShare    = 0.70 // of the transfer without loss
)

const (
	transferBytes = 1e6
	lossy         = 0.01
	// driverBytes is what the driver carries for one measurement: as a rate, not as
	// one message with its beginning and end.
	driverBytes = 4 * transferBytes
)

// bulks measures how fast many bytes get to another node, for the MTUs that there
// are: in frames of the driver alone, as a request, and that with loss.
func bulks(ctx context.Context, b *bench) error {
	for _, mtu := range []int{1500, 9000, 65535} {
		if err := bulkOn(ctx, b, mtu); err != nil {
			return fmt.Errorf("MTU %d: %w", mtu, err)
		}
	}
	return nil
}

func bulkOn(ctx context.Context, b *bench, mtu int) error {
	bed, err := b.upMTU(ctx, 2, testArchive, mtu)
	if err != nil {
		return err
	}
	defer bed.down()
	server := port("bulk")
	if _, err := bed.start(ctx, 2, "calls", "sink", hexadecimal(server)); err != nil {
		return err
	}
	transfer := func() (sample, error) {
		return bed.numbers(ctx, "calls", "bulk", hexadecimal(server.Put()), strconv.Itoa(transferBytes), strconv.Itoa(b.some(10)))
	}
	var driver, clean, losing sample
	for range b.runs {
		took, err := bed.bare(ctx, 1, 2, mtu, transferBytes)
		if err != nil {
			return err
		}
		driver = append(driver, took)
		got, err := transfer()
		if err != nil {
			return err
		}
		clean = append(clean, got...)
		if err := bed.lose(ctx, lossy); err != nil {
			return err
		}
		got, err = transfer()
		if err != nil {
			return err
		}
		losing = append(losing, got...)
		if err := bed.lose(ctx, 0); err != nil {
			return err
		}
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	w := r.add(fmt.Sprintf("1 MB in frames of the driver, MTU %d", mtu), "ns", driver)
	w.Note = fmt.Sprintf("%s, %.0f frames/s", rate(w.Median), transferBytes/float64(mtu)/w.Median*1e9)
	w = r.add("  as a request", "ns", clean)
	w.Note = fmt.Sprintf("%s, %.0f %%", rate(w.Median), 100*driver.median()/w.Median)
	r.target(w, driver.median()/transferShare, "≥ %.0f %% of the frames' rate", 100*transferShare)
	w = r.add("  the same with 1 % loss", "ns", losing)
	w.Note = fmt.Sprintf("%s, %.0f %%", rate(w.Median), 100*clean.median()/w.Median)
	r.target(w, clean.median()/lossyShare, "≥ %.0f %% of that without", 100*lossyShare)
	return nil
}

// rate is what 1 MB in so many nanoseconds makes.
func rate(ns float64) string { return fmt.Sprintf("%.1f MB/s", transferBytes/1e6/ns*1e9) }

// Bulk frames are sent in rounds, each acknowledged; so many rounds are under way.
const bulkWindow = 4

// bulkFrames is how many frames a round has: as many as one may ask for, and as the
// rings of a card hold when frames are long.
func bulkFrames(mtu int) int { return min(28, 400_000/mtu) }

const etherHeader = 14

// bare is how long the driver takes to carry so many bytes to another node, in frames of an
// MTU, ns.
func (b *bed) bare(ctx context.Context, from, to, mtu int, bytes float64) (float64, error) {
	frames := bulkFrames(mtu)
	rounds := driverBytes / (mtu * frames)
	took, err := b.fill(ctx, from, to, rounds, frames, mtu)
	return took * bytes / float64(rounds*frames*mtu), err
}

// fill is how long the driver takes for rounds of frames to another node, each with
// so many bytes behind its Ethernet header, in nanoseconds.
func (b *bed) fill(ctx context.Context, from, to, rounds, frames, bytes int) (float64, error) {
	peer, err := station(to)
	if err != nil {
		return 0, err
	}
	r, err := b.echo(ctx, from, &api.EchoRequest{
		Station: peer, Rounds: rounds, Window: bulkWindow, Size: pingBytes, Fill: frames, FillSize: etherHeader + bytes,
	})
	return float64(r.TotalNs), err
}

// lose has the bridge lose a share of all frames. How the lost ones are chosen is the
// same every time.
func (b *bed) lose(ctx context.Context, share float64) error {
	c, err := cluster.Connect(b.dir)
	if err != nil {
		return err
	}
	defer c.Close()
	seed := uint64(1)
	_, err = c.SetFaults(ctx, cluster.FaultChange{Heal: true, Loss: &share, Seed: &seed})
	return err
}
