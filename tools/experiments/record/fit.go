package record

import "motile/qemu/testbed"

// Line is T = A + B·m, by least squares, and how much of the variance it explains.
type Line struct{ A, B, R2 float64 }

// Fit lays a line through points; ok is false if they are not enough for one.
func Fit(x, y testbed.Sample) (l Line, ok bool) {
	n := float64(len(x))
	var sx, sy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
	}
	var xx, xy, yy float64
	for i := range x {
		dx, dy := x[i]-sx/n, y[i]-sy/n
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	if len(x) < 2 || xx == 0 {
		return l, false
	}
	l.B = xy / xx
	l.A = (sy - l.B*sx) / n
	if l.R2 = 1; yy > 0 {
		l.R2 = xy * xy / (xx * yy)
	}
	return l, true
}
