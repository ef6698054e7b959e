package api

import "motile/ipc/capability"

// Segments are objects of a node's process server, with its port; so are snapshots,
// whose content is their descriptor: an image. The memory of a process is there under
// the process's own port, by region, checked against the process's secret.
//
//	object                what it is
//	'S' << 56 | number    a segment or a snapshot
//	'R' << 56 | page      the region of a process that has that page: its address >> 12
//
// All of them answer Bullet READ and SIZE; SEG_WRITE those that may change. (In Amoeba
// an object number had 24 bits, and 'S' was above 16 of them.)
const (
	segmentObjects = 'S' << 56
	regionObjects  = 'R' << 56
	objectKind     = 0xff << 56
	pageBits       = 12
)

// SegmentObject is the object number of a segment.
func SegmentObject(number uint32) uint64 { return segmentObjects | uint64(number) }

// SegmentNumber takes one apart.
func SegmentNumber(object uint64) (number uint32, ok bool) {
	return uint32(object), object&^(1<<32-1) == segmentObjects
}

// RegionObject is the object number of a process's region at an address.
func RegionObject(address uint64) uint64 { return regionObjects | address>>pageBits }

// RegionAddress takes one apart.
func RegionAddress(object uint64) (address uint64, ok bool) {
	return object << pageBits &^ objectKind, object&objectKind == regionObjects
}

// RegionCap is the owner's capability for memory of a process, at the start of a region.
func (k *Key) RegionCap(pid int32, start uint64) capability.Capability {
	return capability.Owner(k.ProcessPort(pid).Put(), RegionObject(start), k.ProcessSecret(pid))
}
