package virtio

import "fmt"

// Device types (virtio 1.2, 5).
const (
	typeNet     = 1
	typeBlock   = 2
	typeEntropy = 4
)

// Status bits (virtio 1.2, 2.1).
const (
	statusAcknowledge = 1
	statusDriver      = 2
	statusDriverOK    = 4
	statusFeaturesOK  = 8
	statusFailed      = 128
)

const featureVersion1 = 1 << 32

// transport is how a device's registers are reached: mmio or PCI.
type transport interface {
	deviceType() int
	features() uint64
	setFeatures(uint64)
	status() uint8
	setStatus(uint8)
	// queueMax selects a queue and returns the most descriptors it can have.
	queueMax(i int) int
	// setQueue places the selected queue and enables it.
	setQueue(i int, q *queue)
	notify(i int)
	// acknowledge clears the interrupt, and reports whether there was one.
	acknowledge() bool
	config8(off int) uint8
}

// start brings a device up to the point where queues are set: it negotiates
// the features wanted that the device has, and returns them.
func start(t transport, wanted uint64) (uint64, error) {
	t.setStatus(0)
	t.setStatus(statusAcknowledge)
	t.setStatus(statusAcknowledge | statusDriver)
	f := t.features() & (wanted | featureVersion1)
	if f&featureVersion1 == 0 {
		t.setStatus(statusFailed)
		return 0, fmt.Errorf("virtio: device type %d is legacy only; QEMU needs force-legacy=false", t.deviceType())
	}
	t.setFeatures(f)
	t.setStatus(statusAcknowledge | statusDriver | statusFeaturesOK)
	if t.status()&statusFeaturesOK == 0 {
		t.setStatus(statusFailed)
		return 0, fmt.Errorf("virtio: device type %d refuses features %#x", t.deviceType(), f)
	}
	return f, nil
}

func ready(t transport) {
	t.setStatus(statusAcknowledge | statusDriver | statusFeaturesOK | statusDriverOK)
}
