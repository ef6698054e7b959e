package main

import (
	"context"
	"fmt"
	"strconv"

	"motile/ipc/capability"
	"motile/qemu/testbed"
)

// sendTranses is how many null transactions between nodes an ordered send to a group
// of three may take.
const sendTranses = 2.5

// groups measures an ordered send to a group with a member on each of three nodes. The
// sender is on the first, the sequencer on the second. With resilience 1 a send ends
// when another member has confirmed the message.
func groups(ctx context.Context, b *bench) error {
	bed, err := b.up(ctx, 3, testbed.Archive)
	if err != nil {
		return err
	}
	defer bed.Down()
	server := port("group bench")
	if _, err := bed.Start(ctx, 2, "calls", "serve", hexadecimal(server)); err != nil {
		return err
	}
	secret := [2]capability.Port{port("r = 0"), port("r = 1")}
	for r, s := range secret {
		for _, m := range []struct {
			node int
			does string
		}{{2, "found"}, {3, "join"}} {
			p, err := bed.Start(ctx, m.node, "calls", m.does, hexadecimal(s), strconv.Itoa(r))
			if err != nil {
				return err
			}
			if err := testbed.Await(ctx, p); err != nil {
				return err
			}
		}
	}
	var trans sample
	var send [2]sample
	for range b.runs {
		got, err := bed.Numbers(ctx, "calls", "trans", hexadecimal(server.Put()), "1", strconv.Itoa(b.some(200)))
		if err != nil {
			return err
		}
		trans = append(trans, got...)
		for r, s := range secret {
			got, err := bed.Numbers(ctx, "calls", "send", hexadecimal(s), strconv.Itoa(b.some(200)))
			if err != nil {
				return err
			}
			send[r] = append(send[r], got...)
		}
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	r.add("null trans, two of three nodes", "ns", trans)
	w := r.add("ordered send to 3 members, r = 0", "ns", send[0])
	w.Note = fmt.Sprintf("%.2f null transactions", w.Median/trans.Median())
	r.target(w, sendTranses*trans.Median(), "≤ %.1f null transactions", sendTranses)
	w = r.add("  the same, r = 1", "ns", send[1])
	w.Note = fmt.Sprintf("%.2f null transactions", w.Median/trans.Median())
	return nil
}
