// Package plot draws lines with error bars, on linear or logarithmic axes, as SVG that is
// readable on light and on dark paper. The same chart gives the same bytes.
package plot
