package main

import (
	"slices"
	"testing"
)

func TestParams_Weights(t *testing.T) {
	for line, want := range map[string][]uint8{
		"node=1":               {0, 0},
		"weights=7":            {7, 0},
		"weights=0,9":          {0, 9},
		"weights=1,2,3":        {1, 2},
		"weights=big,300,-1":   {0, 0},
		"weights=,4 machine=x": {0, 4},
	} {
		if got := parseParams(line).weights(2); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}
