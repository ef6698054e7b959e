package operate

import (
	"testing"

	"motile/proc/api"
)

func TestShakeOptions(t *testing.T) {
	for _, test := range []struct {
		o    ShakeOptions
		want *api.Shake
	}{
		{ShakeOptions{}, nil},
		{ShakeOptions{Every: "20"}, &api.Shake{Every: 20, By: api.ShakeByMove}},
		{ShakeOptions{Every: "1", By: "restore", Seed: "7"}, &api.Shake{Every: 1, By: api.ShakeByRestore, Seed: 7}},
		{ShakeOptions{Every: "3", By: "both"}, &api.Shake{Every: 3, By: api.ShakeByBoth}},
	} {
		got, err := test.o.Setting()
		if err != nil || (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%+v: %+v, %v", test.o, got, err)
		}
	}
	for _, bad := range []ShakeOptions{{Every: "0"}, {Every: "-1"}, {Every: "x"}, {By: "move"}, {Seed: "1"},
		{Every: "1", By: "shout"}, {Every: "1", Seed: "x"}} {
		if got, err := bad.Setting(); err == nil {
			t.Errorf("%+v is %+v", bad, got)
		}
	}
}
