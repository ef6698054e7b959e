package std

// Commands of Amoeba's file server (server/bullet/bullet.h) that segments answer too:
// whoever can read a file can read memory.
const (
	BulletRead = BulletFirst + 6 // Offset, Size → data; what lies behind the end is not there
	BulletSize = BulletFirst + 7 // → Offset: bytes; Size: the same, 1<<32 - 1 if it is more
)
