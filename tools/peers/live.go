package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/tools/peers/orders"
	"motile/tools/peers/result"
)

// liveLoads are the working sets that are moved, and how many pages of them are written
// to in a second.
var liveLoads = []struct{ bytes, pages int }{{smallWork, 0}, {middle, 0}, {largeWork, 0}, {largeWork, largeWork / pageBytes / 10}}

const pageBytes = 4096

// live holds moves of a process against QEMU's own live migration, of a whole Linux guest
// in which the same program runs.
func live(ctx context.Context, p *peers) error {
	if haveLinux() != nil {
		return nil // the report says so already
	}
	b, err := up(ctx, longMTU)
	if err != nil {
		return err
	}
	defer b.Down()
	path, err := b.put(ctx, workerFile)
	if err != nil {
		return err
	}
	m := &migrant{dir: b.Dir, spec: machine.Spec{
		Node: firstGuest, NICs: []machine.NIC{{Socket: b.Status.Hosts, MTU: longMTU, Virtio: machine.Modern}},
	}}
	if m.at, err = startGuest(ctx, b.Dir, m.spec); err != nil {
		return err
	}
	defer func() { m.at.stop() }()
	for _, load := range liveLoads {
		a, err := m.at.order(ctx, orders.Order{Do: orders.Work, Bytes: load.bytes, N: load.pages})
		if err != nil {
			return err
		}
		if err := m.at.QMP().Stop(ctx); err != nil {
			return err
		}
		if err := p.liveWith(ctx, b, path, m, load.bytes, load.pages); err != nil {
			return err
		}
		if err := m.at.QMP().Cont(ctx); err != nil {
			return err
		}
		if _, err := m.at.order(ctx, orders.Order{Do: orders.Kill, PID: a.PID}); err != nil {
			return err
		}
	}
	return nil
}

// liveWith moves a program by every strategy of ours, and a machine with the same program.
func (p *peers) liveWith(ctx context.Context, b *bed, path string, m *migrant, bytes, pages int) error {
	var ways []*way
	measured := make(map[*way]*moved)
	for _, s := range client.Strategies {
		w := &way{strategy: s}
		ways, measured[w] = append(ways, w), new(moved)
	}
	var theirs moved
	runs := (p.runs + 1) / 2
	for i := range runs {
		say("live migration with %s, %d pages/s dirtied, run %d of %d", bytesInWords(bytes), pages, i+1, runs)
		for _, w := range ways {
			if w.failed != nil {
				continue
			}
			if w.failed = measured[w].ours(ctx, w.strategy, b, path, bytes, pages); ctx.Err() != nil {
				return w.failed
			}
			if w.failed != nil {
				p.result.Miss(fmt.Sprintf("%v, against QEMU's migration", w), w.failed)
			}
		}
		if err := m.migrate(ctx, &theirs); err != nil {
			return err
		}
	}
	suite := fmt.Sprintf("A process with %s, %d pages a second dirtied, against its whole machine", bytesInWords(bytes), pages)
	for _, w := range ways {
		ours := measured[w]
		if len(ours.total) == 0 {
			continue
		}
		p.result.Add(suite, w.String()+", total", "QEMU's migration, total", result.Ns, ours.total, theirs.total).Note = fmt.Sprintf(
			"%s sent; by QEMU %s, over a socket of the host", bytesInWords(int(ours.bytes.Stat().Median)), bytesInWords(int(theirs.bytes.Stat().Median)))
		p.result.Add(suite, w.String()+", freeze", "QEMU's migration, downtime", result.Ns, ours.freeze, theirs.freeze)
	}
	return nil
}

// migrant is a Linux guest that goes from one QEMU to the next.
type migrant struct {
	dir   cluster.Dir
	spec  machine.Spec
	at    *guest // where it is
	moves int
}

// migration is what query-migrate says. Times are in ms.
type migration struct {
	Status   string  `json:"status"`
	Why      string  `json:"error-desc"`
	Total    float64 `json:"total-time"`
	Downtime float64 `json:"downtime"`
	RAM      struct {
		Transferred float64 `json:"transferred"`
	} `json:"ram"`
}

// migrate has the guest run for a little, and go on in another QEMU, where it is halted.
// The one before is ended.
func (m *migrant) migrate(ctx context.Context, to *moved) (err error) {
	m.moves++
	s := m.spec
	s.Incoming = filepath.Join(string(m.dir), fmt.Sprintf("l%d.in", m.moves))
	next, err := startMachine(ctx, m.dir, s, fmt.Sprintf("l%d", m.moves))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			next.stop()
		}
	}()
	source := m.at.QMP()
	if err := source.Cont(ctx); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond) // it has been awake for as long as our process
	// As fast as the host's socket is, and not by QEMU's default of 128 MB/s.
	err = source.Execute(ctx, "migrate-set-parameters", map[string]any{"max-bandwidth": 10 << 30}, nil)
	if err != nil {
		return err
	}
	if err := source.Execute(ctx, "migrate", map[string]any{"uri": "unix:" + s.Incoming}, nil); err != nil {
		return err
	}
	for {
		var r migration
		if err := source.Execute(ctx, "query-migrate", nil, &r); err != nil {
			return err
		}
		switch r.Status {
		case "completed":
			to.total, to.freeze = append(to.total, r.Total*1e6), append(to.freeze, r.Downtime*1e6)
			to.bytes = append(to.bytes, r.RAM.Transferred)
			m.at.stop()
			m.at = next
			return next.QMP().Stop(ctx)
		case "failed", "cancelled":
			return errors.New("QEMU's migration " + r.Status + ": " + r.Why)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
