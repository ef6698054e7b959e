// Package rawflip sends messages of raw FLIP to itself, between two endpoints. They may
// be lost, which is what raw FLIP is; none comes twice, damaged, or from nowhere.
package rawflip
