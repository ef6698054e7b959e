package bridge

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Faults says what the bridge does to frames. The zero value is a perfect wire.
type Faults struct {
	Loss      float64       `json:"loss,omitempty"`      // probability that a delivery is lost
	Dup       float64       `json:"dup,omitempty"`       // … made twice
	Reorder   float64       `json:"reorder,omitempty"`   // … overtaken by the next one
	Delay     time.Duration `json:"delay,omitempty"`     // added to every delivery
	Jitter    time.Duration `json:"jitter,omitempty"`    // … and up to so much more, each its own: frames overtake
	Rate      int64         `json:"rate,omitempty"`      // bit/s towards each port; 0: unlimited
	Partition string        `json:"partition,omitempty"` // see ParsePartition
	Seed      uint64        `json:"seed,omitempty"`      // of the random decisions; 0: the bridge picks one
}

// Validate names the first value that makes no sense.
func (f Faults) Validate() error {
	for _, p := range []struct {
		name string
		v    float64
	}{{"loss", f.Loss}, {"dup", f.Dup}, {"reorder", f.Reorder}} {
		if !(p.v >= 0 && p.v <= 1) {
			return fmt.Errorf("bridge: %s is %g: give a probability from 0 to 1", p.name, p.v)
		}
	}
	if f.Delay < 0 || f.Jitter < 0 || f.Delay > time.Minute || f.Jitter > time.Minute {
		return fmt.Errorf("bridge: delay is %v, up to %v more: give 0 to 1m", f.Delay, f.Jitter)
	}
	if f.Rate < 0 || f.Rate > 0 && f.Rate < minRate {
		return fmt.Errorf("bridge: rate is %d bit/s: give at least %d, or 0 for no limit", f.Rate, minRate)
	}
	_, err := ParsePartition(f.Partition)
	return err
}

const minRate = 1000 // bit/s; below, one large frame takes minutes

// Perfect reports whether nothing is done to frames.
func (f Faults) Perfect() bool {
	f.Seed = 0
	return f == Faults{}
}

// plan is Faults in force. A bridge without faults has none, and its ports ask
// nothing more than that.
type plan struct {
	Faults
	partition Partition
}

// fate is what befalls one delivery.
type fate struct {
	lose, double, hold bool
	late               float64 // share of the jitter
}

// fates decides, for the deliveries from one port to another. Each takes three
// numbers from the generator whether or not they matter, so that changing one
// probability does not change the other decisions of a run. How late a delivery is
// has a generator of its own.
type fates struct {
	rng, late *rand.Rand
}

func newFates(seed uint64, from, to string) *fates {
	h := fnv.New64a()
	h.Write([]byte(from + ">" + to))
	return &fates{rand.New(rand.NewPCG(seed, h.Sum64())), rand.New(rand.NewPCG(^seed, h.Sum64()))}
}

func (f *fates) next(p *plan) fate {
	a, b, c := f.rng.Float64(), f.rng.Float64(), f.rng.Float64()
	return fate{lose: a < p.Loss, double: b < p.Dup, hold: c < p.Reorder, late: f.late.Float64()}
}
