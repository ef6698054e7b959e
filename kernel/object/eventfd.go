package object

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Eventfd is a counter (eventfd(2)).
type Eventfd struct {
	stream
	Count     uint64
	Semaphore bool
	queue     wait.Queue
}

const eventMax = ^uint64(0) - 1

func (e *Eventfd) Queue() *wait.Queue { return &e.queue }

func (e *Eventfd) Read(op *Op, f *File, _ int64) int {
	if op.Buf.Left() < 8 {
		return abi.EINVAL
	}
	if e.Count == 0 {
		return abi.EAGAIN
	}
	v := e.Count
	if e.Semaphore {
		v = 1
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	if op.Buf.Put(b[:]) < 8 {
		return abi.EFAULT
	}
	e.Count -= v
	e.queue.Wake(uint32(Out | WrNorm))
	return 0
}

func (e *Eventfd) Write(op *Op, f *File, _ int64) int {
	if op.Buf.Left() < 8 {
		return abi.EINVAL
	}
	var b [8]byte
	mark := op.Buf
	if op.Buf.Take(b[:]) < 8 {
		return abi.EFAULT
	}
	v := binary.LittleEndian.Uint64(b[:])
	switch {
	case v == ^uint64(0):
		op.Buf = mark
		return abi.EINVAL
	case v > eventMax-e.Count:
		op.Buf = mark
		return abi.EAGAIN
	}
	e.Count += v
	e.queue.Wake(uint32(In | RdNorm))
	return 0
}

func (e *Eventfd) Ready(*File) (r Events) {
	if e.Count > 0 {
		r |= In | RdNorm
	}
	if e.Count < eventMax {
		r |= Out | WrNorm
	}
	return r
}

func (e *Eventfd) Close(*File) {}
