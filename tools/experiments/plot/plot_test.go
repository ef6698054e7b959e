package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		log    bool
		values []float64
		want   []float64
	}{
		{false, []float64{0, 1000}, []float64{0, 200, 400, 600, 800, 1000}},
		{false, []float64{3, 47}, []float64{0, 10, 20, 30, 40, 50}},
		{false, []float64{0}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{true, []float64{0.3, 40}, []float64{0.1, 1, 10, 100}},
		{true, []float64{0, 100}, []float64{100, 1000}},
		{true, nil, []float64{1, 10}},
	} {
		got := newScale(test.log, test.values).ticks()
		if len(got) != len(test.want) {
			t.Errorf("%v, log %v: %v, want %v", test.values, test.log, got, test.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-test.want[i]) > 1e-9*test.want[i] {
				t.Errorf("%v, log %v: %v, want %v", test.values, test.log, got, test.want)
			}
		}
	}
}

func TestScale_CoversItsValues(t *testing.T) {
	for _, log := range []bool{false, true} {
		for _, values := range [][]float64{{1, 2, 3}, {0, 7e6}, {0.02, 0.021}, {5}, {0}} {
			s := newScale(log, values)
			for _, v := range values {
				if at := s.at(v); !(at >= 0 && at <= 1) {
					t.Errorf("%v of %v, log %v, is at %v", v, values, log, at)
				}
			}
		}
	}
}

func TestSVG(t *testing.T) {
	c := &Chart{
		Title: "Times & sizes <1", X: Axis{"KB", true}, Y: Axis{"ms", false},
		Series: []Series{
			{Name: "copy", Points: []Point{{100, 10, 9, 12}, {1000, math.NaN(), 0, 0}, {10000, 100, 90, 130}}},
			{Name: "model", Points: []Point{{100, 1, 1, 1}, {10000, 200, 200, 200}}, Dashed: true},
			{Name: "empty"},
		},
	}
	svg := c.SVG()
	if !reflect.DeepEqual(svg, c.SVG()) {
		t.Error("it is not the same twice")
	}
	count := make(map[string]int)
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			count[e.Name.Local]++
		}
	}
	if count["polyline"] != 3 || count["circle"] != 2 || count["path"] != 2 {
		t.Errorf("lines, marks and bars: %v", count)
	}
	for _, want := range []string{"Times &amp; sizes &lt;1", ">model<", "prefers-color-scheme: dark"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(string(svg), "NaN") {
		t.Error("it has NaN in it")
	}
}
