//go:build metal

package main

import (
	"slices"

	"motile/boot/rt"
	"motile/proc/api"
)

// sampler implements node.Sampler: labels are pids.
type sampler struct{}

func (sampler) Sample(periodNs int64) { rt.StartSampling(periodNs) }

func (sampler) Samples() (out api.ProfileReply) {
	out.Idle, out.Dropped = rt.Samples(func(s *rt.Sample) {
		out.Samples = append(out.Samples, api.ProfileSample{PID: int32(s.Label), Addresses: slices.Clone(s.PC[:s.N])})
	})
	return out
}
