package virtio

import (
	"fmt"

	"motile/kernel/hw"
	"motile/netdev"
)

// Feature bits of a network device (virtio 1.2, 5.1.3).
const (
	netMTU = 1 << 3
	netMAC = 1 << 5

	netHeader = 12 // struct virtio_net_hdr with num_buffers; all zero without offloads

	rxQueue, txQueue = 0, 1

	defaultMTU = 1500
	minMTU     = 512 // of what the protocols above can use
)

// Net is a network device. It implements netdev.Link.
type Net struct {
	IRQ   int // I/O APIC pin
	Stats netdev.Stats

	t      transport
	mac    [6]byte
	mtu    int
	stride int // bytes of one buffer
	rx, tx *queue
	rxMem  hw.DMA
	txMem  hw.DMA
	held   int   // rx buffer the last Recv returned, -1: none
	free   []int // tx buffers not with the device
	queued bool  // frames not yet published
	refill bool  // rx buffers offered and not yet published
}

// memory gives DMA memory; ok is false when there is none.
type memory func(n int) (hw.DMA, bool)

// Bounds of a queue.
const (
	maxBuffers = 256
	minBuffers = 16
	queueShare = 32      // of a node's memory, for the buffers of one queue
	queueMost  = 3 << 20 // bytes of them, however much memory there is
)

// buffers is how many frames a queue holds, for a given buffer size and so many bytes
// of memory in the node: enough for a window of bulk data, without taking megabytes
// from small nodes.
func buffers(stride, total, max int) int {
	most := min(queueMost, total/queueShare)
	n := maxBuffers
	for n > minBuffers && n*stride > most || n > max {
		n /= 2
	}
	return n
}

// newNet brings up a card of a node that has so many bytes of memory.
func newNet(t transport, irq int, total int, alloc memory) (*Net, error) {
	f, err := start(t, netMTU|netMAC)
	if err != nil {
		return nil, err
	}
	d := &Net{IRQ: irq, t: t, mtu: defaultMTU, held: -1}
	for i := range d.mac {
		d.mac[i] = t.config8(i)
	}
	if f&netMTU != 0 {
		d.mtu = int(t.config8(10)) | int(t.config8(11))<<8
	}
	if d.mtu < minMTU {
		t.setStatus(statusFailed)
		return nil, fmt.Errorf("virtio-net: MTU %d is less than %d", d.mtu, minMTU)
	}
	d.stride = alignUp(netHeader+netdev.HeaderSize+d.mtu, 64)
	if d.rx, d.rxMem, err = d.queue(rxQueue, total, alloc); err != nil {
		return nil, err
	}
	if d.tx, d.txMem, err = d.queue(txQueue, total, alloc); err != nil {
		return nil, err
	}
	d.tx.quiet = true // sent buffers are collected when new ones are needed
	ready(t)
	for i := range d.rx.size {
		d.rx.setBuffer(i, d.rxMem.Addr+uint64(i*d.stride), d.stride, descWrite)
		d.rx.offer(i)
	}
	d.rx.publish()
	t.notify(rxQueue)
	for i := range d.tx.size {
		d.free = append(d.free, i)
	}
	return d, nil
}

func (d *Net) queue(i, total int, alloc memory) (*queue, hw.DMA, error) {
	most := d.t.queueMax(i)
	if most == 0 {
		return nil, hw.DMA{}, fmt.Errorf("virtio-net: no queue %d", i)
	}
	n := buffers(d.stride, total, most)
	ring, ok1 := alloc(queueBytes(n))
	mem, ok2 := alloc(n * d.stride)
	if !ok1 || !ok2 {
		return nil, hw.DMA{}, fmt.Errorf("virtio-net: no memory for %d buffers of %d bytes", n, d.stride)
	}
	q := newQueue(ring, n)
	d.t.setQueue(i, q)
	return q, mem, nil
}

// MTU implements netdev.Link.
func (d *Net) MTU() int { return d.mtu }

// Addr implements netdev.Link.
func (d *Net) Addr() [6]byte { return d.mac }

// Send implements netdev.Link.
func (d *Net) Send(pieces [][]byte) bool {
	if len(d.free) == 0 {
		d.collect()
		if len(d.free) == 0 {
			d.Stats.SendFull++
			return false
		}
	}
	i := d.free[len(d.free)-1]
	buf := d.txMem.Bytes[i*d.stride : (i+1)*d.stride]
	n := netHeader // the header stays zero: no offloads
	for _, p := range pieces {
		if n+len(p) > len(buf) {
			d.Stats.SendFull++
			return false
		}
		n += copy(buf[n:], p)
	}
	d.free = d.free[:len(d.free)-1]
	d.tx.setBuffer(i, d.txMem.Addr+uint64(i*d.stride), n, 0)
	d.tx.offer(i)
	d.queued = true
	d.Stats.Sent++
	d.Stats.SentBytes += uint64(n - netHeader)
	return true
}

// collect takes back the buffers of frames that were sent.
func (d *Net) collect() {
	for {
		i, _, ok := d.tx.take()
		if !ok {
			return
		}
		d.free = append(d.free, i)
	}
}

// Flush implements netdev.Link.
func (d *Net) Flush() {
	if d.queued || d.refill || len(d.free) < d.tx.size/2 { // mostly there is nothing
		d.flush()
	}
}

func (d *Net) flush() {
	if len(d.free) < d.tx.size/2 {
		d.collect()
	}
	if d.queued {
		d.queued = false
		if d.tx.publish() {
			d.t.notify(txQueue)
		}
	}
	if d.refill {
		d.refill = false
		if d.rx.publish() {
			d.t.notify(rxQueue)
		}
	}
}

// Recv implements netdev.Link.
func (d *Net) Recv() []byte {
	if d.held >= 0 {
		d.rx.offer(d.held)
		d.held = -1
		d.refill = true
		if d.rx.next%16 == 0 {
			d.rx.publish() // the device must not run dry during a long burst
		}
	}
	for {
		i, n, ok := d.rx.take()
		if !ok {
			return nil
		}
		if n < netHeader+netdev.HeaderSize || n > d.stride {
			d.Stats.RecvBad++
			d.rx.offer(i)
			d.refill = true
			continue
		}
		d.held = i
		d.Stats.Received++
		d.Stats.RecvBytes += uint64(n - netHeader)
		return d.rxMem.Bytes[i*d.stride+netHeader : i*d.stride+n]
	}
}

// Pending reports whether frames wait.
func (d *Net) Pending() bool { return d.rx.pending() }

// Interrupt acknowledges the device's interrupt, and reports whether there was one.
func (d *Net) Interrupt() bool { return d.t.acknowledge() }
