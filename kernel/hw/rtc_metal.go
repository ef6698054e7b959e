//go:build metal

package hw

// The MC146818 real-time clock, as QEMU emulates it: BCD or binary, 24 hours.

func cmos(reg uint8) uint8 {
	Out8(0x70, reg)
	return In8(0x71)
}

// RTC reads the wall clock as fields: year, month, day, hour, minute, second in
// UTC. It waits for an update in progress, and reads twice until both agree.
func RTC() (f [6]int) {
	regs := [6]uint8{9, 8, 7, 4, 2, 0}
	read := func() (v [6]uint8) {
		for cmos(10)&0x80 != 0 {
		}
		for i, r := range regs {
			v[i] = cmos(r)
		}
		return v
	}
	v := read()
	for w := read(); v != w; w = read() {
		v = w
	}
	binary := cmos(11)&4 != 0
	for i, b := range v {
		f[i] = int(b)
		if !binary {
			f[i] = int(b>>4)*10 + int(b&15)
		}
	}
	f[0] += 2000
	return f
}
