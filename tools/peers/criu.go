package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"motile/proc/api/client"
	"motile/tools/peers/orders"
	"motile/tools/peers/result"
)

// Targets of a move, as ratios to CRIU's best, on networks with long frames.
const (
	smallTotal  = 0.1  // from the order until the process runs at the target, for smallWork
	largeTotal  = 0.25 // for largeWork
	freezeLimit = 0.05 // of the longest time that the process does nothing
)

// Working sets.
const (
	smallWork = 100 << 10
	middle    = 1 << 20
	largeWork = 16 << 20
)

// criuPackages says what CRIU is made of, where it is to be had.
const criuPackages = "build/peers/packages"

// haveCRIU returns its version.
func haveCRIU() (string, error) {
	if err := haveLinux(); err != nil {
		return "", err
	}
	text, err := os.ReadFile(criuPackages)
	if err != nil {
		return "", fmt.Errorf("%w (make bench-peers has said why)", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return first, nil
}

func criu(ctx context.Context, p *peers) error {
	version, err := haveCRIU()
	if err != nil {
		p.result.Miss("CRIU", err)
		return nil
	}
	p.result.Peers = append(p.result.Peers, "Debian's "+version)
	mtus := []int{1500, longMTU}
	if p.short {
		mtus = mtus[1:]
	}
	for _, mtu := range mtus {
		if err := p.criuOn(ctx, mtu); err != nil {
			return fmt.Errorf("MTU %d: %w", mtu, err)
		}
	}
	return nil
}

// criuOn moves the same program with every strategy of ours and every mode of CRIU's, on
// one bridge.
func (p *peers) criuOn(ctx context.Context, mtu int) error {
	b, err := up(ctx, mtu)
	if err != nil {
		return err
	}
	defer b.Down()
	path, err := b.put(ctx, workerFile)
	if err != nil {
		return err
	}
	g, err := startGuests(ctx, b.Dir, b.Status.Hosts, mtu, "criu=yes")
	if err != nil {
		return err
	}
	defer g.stop()
	var ways []*way
	for _, s := range client.Strategies {
		ways = append(ways, &way{strategy: s})
	}
	for _, resident := range []bool{false, true} {
		for _, m := range orders.Modes {
			ways = append(ways, &way{mode: m, resident: resident})
		}
	}
	turn := func(size int, measured map[*way]*moved) error {
		for _, w := range ways {
			if w.failed != nil {
				continue
			}
			if measured[w] == nil {
				measured[w] = &moved{steps: make(map[string]result.Sample)}
			}
			if w.failed = measured[w].add(ctx, w, b, path, g, size); ctx.Err() != nil {
				return w.failed
			}
			if w.failed != nil {
				say("%v does not work: %v", w, w.failed)
				p.result.Miss(fmt.Sprintf("%v, MTU %d", w, mtu), w.failed)
			}
		}
		return nil
	}
	runs := (p.runs + 1) / 2 // each is long
	if !p.short {
		say("moves that do not count, MTU %d", mtu) // of code that QEMU has not translated yet
		if err := turn(smallWork, make(map[*way]*moved)); err != nil {
			return err
		}
	}
	for _, size := range []int{smallWork, middle, largeWork} {
		measured := make(map[*way]*moved)
		for i := range runs {
			say("moves of %s, MTU %d, run %d of %d", bytesInWords(size), mtu, i+1, runs)
			if err := turn(size, measured); err != nil {
				return err
			}
		}
		p.judgeMoves(ways, measured, size, mtu)
	}
	return nil
}

// judgeMoves holds every strategy against CRIU's best mode, and every mode against the
// strategy that is ours by default.
func (p *peers) judgeMoves(ways []*way, measured map[*way]*moved, size, mtu int) {
	total := func(m *moved) result.Sample { return m.total }
	freeze := func(m *moved) result.Sample { return m.freeze }
	for _, aspect := range []struct {
		name string
		of   func(*moved) result.Sample
	}{{"total", total}, {"freeze", freeze}} {
		suite := fmt.Sprintf("Moves of a process with %s, MTU %d: %s", bytesInWords(size), mtu, aspect.name)
		var best, ours *way
		for _, w := range ways {
			switch m := measured[w]; {
			case m == nil || len(m.total) == 0:
			case w.mode == "" && (ours == nil || w.strategy == "auto"):
				ours = w
			case w.mode != "" && (best == nil || aspect.of(m).Stat().Median < aspect.of(measured[best]).Stat().Median):
				best = w
			}
		}
		if best == nil || ours == nil {
			continue // the report says what does not work
		}
		for _, w := range ways {
			m := measured[w]
			if w.mode != "" || m == nil || len(m.total) == 0 {
				continue
			}
			p.result.Add(suite, w.String(), "CRIU's best: "+best.String(), result.Ns, aspect.of(m), aspect.of(measured[best])).Note = m.ourNote(w.strategy)
			if limit := moveLimit(aspect.name, size); w == ours && mtu >= longMTU && limit > 0 {
				p.result.Target(limit)
			}
		}
		for _, w := range ways {
			m := measured[w]
			if w.mode == "" || m == nil || len(m.total) == 0 {
				continue
			}
			p.result.Add(suite, ours.String(), w.String(), result.Ns, aspect.of(measured[ours]), aspect.of(m)).Note = m.note()
		}
	}
}

// moveLimit is 0 where there is no target.
func moveLimit(aspect string, size int) float64 {
	switch {
	case aspect == "freeze":
		return freezeLimit
	case size == smallWork:
		return smallTotal
	case size == largeWork:
		return largeTotal
	}
	return 0
}
