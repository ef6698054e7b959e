package api

// ProfileRequest has a node take samples of where its CPU is, every so often, or go on
// taking them. It ends that by itself when it has not been asked for ProfileLease.
type ProfileRequest struct {
	// Begin: the samples are to be taken every PeriodNs from now on; who asks again
	// later, without it, gets those taken meanwhile.
	Begin    bool  `cbor:"1,keyasint,omitempty"`
	PeriodNs int64 `cbor:"2,keyasint,omitempty"`
	End      bool  `cbor:"3,keyasint,omitempty"` // no more are to be taken
}

// ProfileLease is how long a node goes on without being asked, in ns.
const ProfileLease = 5e9

// Bounds of PeriodNs: a sample costs some microseconds.
const (
	ProfileShortest = 100_000
	ProfileLongest  = 1_000_000_000
)

// ProfileReply has the samples that were taken since the last one.
type ProfileReply struct {
	Samples []ProfileSample `cbor:"1,keyasint"`
	Idle    uint64          `cbor:"2,keyasint"` // samples that found the CPU waiting for an interrupt
	Dropped uint64          `cbor:"3,keyasint"` // samples for which there was no room
	// Commands are those of the processes among the samples that still live.
	Commands map[int32]string `cbor:"4,keyasint,omitempty"`
	Refused  string           `cbor:"5,keyasint,omitempty"` // why there are none
}

// ProfileSample is where the CPU was found once. PID 0: in the kernel, and the addresses
// are a stack, from the innermost function outwards, all but the first return addresses.
// Else a program ran, and there is one address, of its own.
type ProfileSample struct {
	PID       int32    `cbor:"1,keyasint,omitempty"`
	Addresses []uint64 `cbor:"2,keyasint"`
}
