package main

import (
	"testing"

	"motile/servers/cmd/operate"
)

func TestQuantities(t *testing.T) {
	for text, want := range map[string]probability{"0.05": 0.05, "5%": 0.05, "1": 1, "0": 0} {
		var p probability
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	for text, want := range map[string]operate.Bitrate{"0": 0, "9600": 9600, "64k": 64e3, "10M": 10e6, "1.5G": 1500e6} {
		var r operate.Bitrate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %v, %v", text, r, err)
		}
		var again operate.Bitrate
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%s is printed as %s", text, r)
		}
	}
	for _, text := range []string{"", "x", "5 %", "%"} {
		if new(probability).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a probability", text)
		}
	}
	for _, text := range []string{"", "10X", "-1", "1e30"} {
		if new(operate.Bitrate).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a rate", text)
		}
	}
}
