package metricstest

import (
	"strings"
	"testing"
)

// The reader is strict: what it must refuse, it refuses.
func TestRead_Strict(t *testing.T) {
	const good = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Help.\na_seconds_total{node=\"1\"} 5\n# EOF\n"
	if _, err := Read(good); err != nil {
		t.Fatal(err)
	}
	for _, replace := range [][2]string{
		{"# EOF\n", ""}, {"_total", ""}, {"_total", "_count"}, {"} 5", "} -5"}, {"} 5", "} five"}, {"} 5", "}  5"},
		{"UNIT a_seconds seconds", "UNIT a_seconds bytes"}, {"\na_seconds_total", "\nb_total"}, {`"1"`, `1`}, {`"1"`, `"1`},
		{"# EOF\n", "a_seconds_total{node=\"1\"} 6\n# EOF\n"}, {`node="1"`, `node="1",node="2"`}, {"HELP a", "HELP b"}, {"} 5\n", "} 5\n\n"},
		{"# EOF\n", "# TYPE a_seconds gauge\n# EOF\n"},
	} {
		bad := strings.Replace(good, replace[0], replace[1], 1)
		if _, err := Read(bad); bad == good || err == nil {
			t.Errorf("accepted\n%s", bad)
		}
	}
}
