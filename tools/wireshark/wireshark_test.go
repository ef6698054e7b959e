package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTables_AreUpToDate(t *testing.T) {
	text, err := os.ReadFile("amflip.lua")
	if err != nil {
		t.Fatal(err)
	}
	want, err := replaceTables(text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error("amflip.lua has other names and numbers than the packages: run go run ./tools/wireshark tools/wireshark/amflip.lua")
	}
}

func TestReplaceTables_WantsItsLines(t *testing.T) {
	if _, err := replaceTables([]byte("-- nothing\n")); err == nil {
		t.Error("a text without a place for the tables was accepted")
	}
}
