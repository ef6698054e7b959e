package plot

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// Axis is one of a chart's two.
type Axis struct {
	Label string
	Log   bool
}

// Point is a value with its spread; Low and High are the same as Y if there is none.
type Point struct{ X, Y, Low, High float64 }

// Series is points of one kind.
type Series struct {
	Name   string
	Points []Point
	Dashed bool // a line only, without marks: a model, or somebody else's figures
}

// Chart is what is drawn.
type Chart struct {
	Title  string
	X, Y   Axis
	Series []Series
}

// Where things are, in pixels.
const (
	width, height     = 760, 440
	left, right       = 70, 210 // right of the plot is the legend
	top, bottom       = 40, 55
	plotWide          = width - left - right
	plotHigh          = height - top - bottom
	legendLine        = 20
	markRadius, whisk = 3, 3
)

// colours are told apart on light and dark paper, and by most who see colours otherwise
// (after Okabe and Ito, 2008).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b0a000"}

const style = `<style>
text { font: 12px sans-serif; fill: #222 }
.title { font-size: 14px; font-weight: bold }
.axis { stroke: #222 } .grid { stroke: #ddd }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .axis { stroke: #ddd } .grid { stroke: #444 } }
</style>
`

// SVG draws the chart.
func (c *Chart) SVG() []byte {
	var xs, ys []float64
	for _, s := range c.Series {
		for _, p := range s.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y, p.Low, p.High)
		}
	}
	d := &drawing{x: newScale(c.X.Log, xs), y: newScale(c.Y.Log, ys)}
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">`+"\n", width, height, width, height)
	d.WriteString(style)
	d.text(left, top-16, "start", "title", c.Title)
	d.axes(c)
	for i, s := range c.Series {
		d.series(s, colours[i%len(colours)])
		d.legend(i, s, colours[i%len(colours)])
	}
	d.WriteString("</svg>\n")
	return d.Bytes()
}

type drawing struct {
	bytes.Buffer
	x, y scale
}

func (d *drawing) px(v float64) float64 { return left + plotWide*d.x.at(v) }
func (d *drawing) py(v float64) float64 { return top + plotHigh*(1-d.y.at(v)) }

func (d *drawing) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n", x, y, anchor, class, html.EscapeString(text))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

func (d *drawing) axes(c *Chart) {
	for _, v := range d.x.ticks() {
		d.line("grid", d.px(v), top, d.px(v), top+plotHigh)
		d.text(d.px(v), top+plotHigh+18, "middle", "", label(v))
	}
	for _, v := range d.y.ticks() {
		d.line("grid", left, d.py(v), left+plotWide, d.py(v))
		d.text(left-6, d.py(v)+4, "end", "", label(v))
	}
	d.line("axis", left, top+plotHigh, left+plotWide, top+plotHigh)
	d.line("axis", left, top, left, top+plotHigh)
	d.text(left+plotWide/2, height-14, "middle", "", c.X.Label)
	fmt.Fprintf(d, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+plotHigh/2, html.EscapeString(c.Y.Label))
}

func (d *drawing) series(s Series, colour string) {
	dash := ""
	if s.Dashed {
		dash = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(d, `<polyline fill="none" stroke="%s" stroke-width="1.5"%s points="`, colour, dash)
	for _, p := range s.Points {
		if !math.IsNaN(p.Y) {
			fmt.Fprintf(d, "%.1f,%.1f ", d.px(p.X), d.py(p.Y))
		}
	}
	d.WriteString("\"/>\n")
	if s.Dashed {
		return
	}
	for _, p := range s.Points {
		if math.IsNaN(p.Y) {
			continue
		}
		x, y, low, high := d.px(p.X), d.py(p.Y), d.py(p.Low), d.py(p.High)
		fmt.Fprintf(d, `<circle cx="%.1f" cy="%.1f" r="%d" fill="%s"/>`, x, y, markRadius, colour)
		fmt.Fprintf(d, `<path stroke="%s" d="M%.1f %.1fV%.1fM%.1f %.1fh%dM%.1f %.1fh%d"/>`+"\n",
			colour, x, low, high, x-whisk, low, 2*whisk, x-whisk, high, 2*whisk)
	}
}

func (d *drawing) legend(i int, s Series, colour string) {
	y := float64(top + 8 + i*legendLine)
	dash := ""
	if s.Dashed {
		dash = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(d, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s" stroke-width="2"%s/>`+"\n", width-right+14, y, width-right+38, y, colour, dash)
	d.text(width-right+44, y+4, "start", "", s.Name)
}
