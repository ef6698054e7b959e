package agenda

import (
	"testing"

	"motile/ipc/internal/deadline"
)

func TestAgenda_TimeThenOrderOfAdding(t *testing.T) {
	var a Agenda[string]
	for _, x := range []struct {
		at int64
		v  string
	}{{5, "c"}, {1, "a"}, {5, "d"}, {3, "b"}, {5, "e"}} {
		a.Add(x.at, x.v)
	}
	got := ""
	for last := int64(0); a.Next() != deadline.Never; {
		if a.Next() < last {
			t.Errorf("%d after %d", a.Next(), last)
		}
		last = a.Next()
		got += a.Take()
	}
	if got != "abcde" {
		t.Errorf("came as %s", got)
	}
}
