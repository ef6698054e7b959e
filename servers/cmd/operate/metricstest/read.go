package metricstest

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Text is OpenMetrics text, version 1.0.0, as far as we write it.
type Text struct {
	Samples map[string]float64 // by name and labels, as written
	Kinds   map[string]string  // of families
	Helps   map[string]string
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\S+)$`)
	labelPair  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`)
	suffixes   = map[string][]string{"gauge": {""}, "counter": {"_total"}, "histogram": {"_bucket", "_count", "_sum"}}
)

// Read reads a text. What the specification says MUST be so of families, names, units,
// samples and the end is an error if it is not.
func Read(text string) (*Text, error) {
	o := &Text{make(map[string]float64), make(map[string]string), make(map[string]string)}
	text, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok || strings.Contains(text, "# EOF") {
		return nil, fmt.Errorf("does not end with # EOF")
	}
	family := ""
	for line := range strings.Lines(text) {
		line, ok = strings.CutSuffix(line, "\n")
		words := strings.SplitN(line, " ", 4)
		switch {
		case !ok || line == "" || strings.Contains(line, "  "):
			return nil, fmt.Errorf("%q: no empty lines, no more than one blank", line)
		case words[0] == "#" && len(words) != 4:
			return nil, fmt.Errorf("%q: malformed", line)
		case words[0] == "#" && words[1] == "TYPE":
			if family = words[2]; o.Kinds[family] != "" {
				return nil, fmt.Errorf("%s: a family a second time", family)
			}
			o.Kinds[family] = words[3]
		case words[0] == "#" && words[2] != family:
			return nil, fmt.Errorf("%q inside of %s", line, family)
		case words[0] == "#" && words[1] == "UNIT":
			if !strings.HasSuffix(family, "_"+words[3]) {
				return nil, fmt.Errorf("%s does not end with its unit %s", family, words[3])
			}
		case words[0] == "#" && words[1] == "HELP":
			o.Helps[family] = words[3]
		case words[0] == "#":
			return nil, fmt.Errorf("%q: what is that?", line)
		default:
			if err := o.sample(family, line); err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	return o, nil
}

func (o *Text) sample(family, line string) error {
	m := sampleLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("no sample")
	}
	value, err := strconv.ParseFloat(m[3], 64)
	suffix, ok := strings.CutPrefix(m[1], family)
	if !ok || !slices.Contains(suffixes[o.Kinds[family]], suffix) || err != nil {
		return fmt.Errorf("not of family %q, a %s: %v", family, o.Kinds[family], err)
	}
	var names []string
	for _, l := range labelPair.FindAllStringSubmatch(m[2], -1) {
		if slices.Contains(names, l[1]) {
			return fmt.Errorf("label %s twice", l[1])
		}
		names = append(names, l[1])
	}
	key := m[1] + "{" + m[2] + "}"
	if _, ok := o.Samples[key]; ok || o.Kinds[family] == "counter" && (value < 0 || math.IsNaN(value)) {
		return fmt.Errorf("a second time, or no count")
	}
	o.Samples[key] = value
	return nil
}
