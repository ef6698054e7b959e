package cluster

import (
	"fmt"
	"time"

	"motile/qemu/bridge"
)

// FaultChange changes some of the faults of one network, or of all. What is nil
// stays.
type FaultChange struct {
	Net       string         `json:"net,omitempty"`  // default: all networks
	Heal      bool           `json:"heal,omitempty"` // first, all faults end
	Loss      *float64       `json:"loss,omitempty"`
	Dup       *float64       `json:"dup,omitempty"`
	Reorder   *float64       `json:"reorder,omitempty"`
	Delay     *time.Duration `json:"delay,omitempty"`
	Jitter    *time.Duration `json:"jitter,omitempty"`
	Rate      *int64         `json:"rate,omitempty"`
	Partition *string        `json:"partition,omitempty"` // empty: ends it
	Seed      *uint64        `json:"seed,omitempty"`
}

// NetFaults are the faults in force on a network.
type NetFaults struct {
	Net string `json:"net"`
	bridge.Faults
}

// apply returns the faults after the change. The seed lives as long as faults
// are in force.
func (c FaultChange) apply(f bridge.Faults) bridge.Faults {
	if c.Heal {
		f = bridge.Faults{}
	}
	set(&f.Loss, c.Loss)
	set(&f.Dup, c.Dup)
	set(&f.Reorder, c.Reorder)
	set(&f.Delay, c.Delay)
	set(&f.Jitter, c.Jitter)
	set(&f.Rate, c.Rate)
	set(&f.Partition, c.Partition)
	set(&f.Seed, c.Seed)
	return f
}

func set[T any](field *T, v *T) {
	if v != nil {
		*field = *v
	}
}

// ChangeFaults changes what networks do to frames: all that are chosen, or, after
// an error, none. Networks without a seed of their own get the same one. The caller
// makes one change at a time.
func (c *Cluster) ChangeFaults(change FaultChange) ([]NetFaults, error) {
	nets, err := c.chosen(change.Net)
	if err != nil {
		return nil, err
	}
	if change.Partition != nil {
		if err := checkPartition(*change.Partition, nets); err != nil {
			return nil, err
		}
	}
	list := make([]NetFaults, len(nets))
	for i, n := range nets {
		list[i] = NetFaults{n.Name, change.apply(n.bridge.Faults())}
		if err := list[i].Validate(); err != nil {
			return nil, err
		}
	}
	seed := uint64(0)
	for i, n := range nets {
		if list[i].Seed == 0 {
			list[i].Seed = seed
		}
		if list[i].Faults, err = n.bridge.SetFaults(list[i].Faults); err != nil {
			return nil, err
		}
		seed = list[i].Seed
	}
	c.conf.Log.Info("faults", "now", fmt.Sprintf("%+v", list))
	return list, nil
}

// checkPartition refuses names that stand for nothing: they are mistyped.
func checkPartition(sets string, nets []*network) error {
	p, err := bridge.ParsePartition(sets)
	if err != nil {
		return err
	}
	var ports []string
	for _, n := range nets {
		for _, port := range n.bridge.Stats().Ports {
			ports = append(ports, port.Name)
		}
	}
	if name := p.Missing(ports); name != "" {
		return fmt.Errorf("partition %q: there is no port %s (motile bridge lists them)", sets, name)
	}
	return nil
}
