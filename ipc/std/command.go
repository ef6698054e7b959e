package std

// Commands that every service understands, if it understands them at all.
// A service's own commands start at a block of a hundred; the errors peculiar
// to it are the negatives of that block.
const (
	Monitor   uint32 = 1000
	Age       uint32 = 1001 // age all objects; unreached ones expire
	Copy      uint32 = 1002
	Destroy   uint32 = 1003
	Info      uint32 = 1004 // a line of text about the object
	Restrict  uint32 = 1005
	Stat      uint32 = 1006 // STD_STATUS: the server's statistics
	Touch     uint32 = 1007
	GetParams uint32 = 1008
	SetParams uint32 = 1009
	NTouch    uint32 = 1010
)

// First commands of the blocks.
const (
	BulletFirst  uint32 = 2000
	SoapFirst    uint32 = 2100
	DiskFirst    uint32 = 2200
	ProcessFirst uint32 = 2300
	TODFirst     uint32 = 2400
	SysFirst     uint32 = 2500
	RandomFirst  uint32 = 2600
	SessionFirst uint32 = 2800
	RunFirst     uint32 = 3000
	TIOSFirst    uint32 = 3200
	BootFirst    uint32 = 3600
	TTYFirst     uint32 = 4000
	PrivateFirst uint32 = 15000 // from here on numbers are free for private use
)
