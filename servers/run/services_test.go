package run

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServices_Parse(t *testing.T) {
	list, err := ParseServices(strings.NewReader(`
# which servers a node has
bullet disk        motiled bullet
soap   node<=3     motiled soap --replicas 3 # three of them
ip     outside,node=1 ipd
run    always      true
`))
	if err != nil || len(list) != 4 || !slices.Equal(list[1].Args, []string{"motiled", "soap", "--replicas", "3"}) {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, test := range []struct {
		facts Facts
		want  string
	}{
		{Facts{"node": 1}, "soap run"},
		{Facts{"node": 1, "disk": 1, "outside": 1}, "bullet soap ip run"},
		{Facts{"node": 3, "outside": 1}, "soap run"},
		{Facts{"node": 4, "disk": 256}, "bullet run"},
		{Facts{}, "run"},
	} {
		var names []string
		for _, s := range list {
			if test.facts.Wants(&s) {
				names = append(names, s.Name)
			}
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%v: %s, want %s", test.facts, got, test.want)
		}
	}
	for bad, want := range map[string]string{
		"x always":         "line 1",
		"\nx =3 true":      "line 2: condition \"=3\"",
		"x node=one true":  "not a number",
		"x node<=  true y": "not a number",
	} {
		if _, err := ParseServices(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", bad, err, want)
		}
	}
}

func TestServices_Pauses(t *testing.T) {
	var all []time.Duration
	last := time.Duration(0)
	for range 7 {
		last = pause(time.Second, last)
		all = append(all, last/time.Second)
	}
	if !slices.Equal(all, []time.Duration{1, 2, 4, 8, 16, 30, 30}) {
		t.Errorf("%v", all)
	}
	if p := pause(time.Minute, last); p != 0 {
		t.Errorf("after a good run: %v", p)
	}
}
