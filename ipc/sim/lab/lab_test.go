package lab

import (
	"reflect"
	"testing"
)

// A plan is what its text says.
func TestText_Identity(t *testing.T) {
	for seed := range uint64(200) {
		p := Generate(seed)
		q, err := Parse(p.String())
		if err != nil {
			t.Fatal(err)
		}
		if q.String() != p.String() || !reflect.DeepEqual(p.Events, q.Events) || !reflect.DeepEqual(p.Actors, q.Actors) {
			t.Fatalf("seed %d:\n%s\nread again:\n%s", seed, p, q)
		}
	}
}

func TestRun_Seeds(t *testing.T) {
	for seed := range uint64(400) {
		if r := Run(Generate(seed), nil); r.Broken != "" {
			t.Fatalf("seed %d: %v", seed, r.Errors)
		}
	}
}
