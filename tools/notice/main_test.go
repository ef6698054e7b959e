package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoticeIsTrue(t *testing.T) {
	const top = "../.."
	want, err := notice(top)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(top, "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(string(got), line) {
			t.Errorf("NOTICE lacks %q", line)
		}
	}
	t.Error("NOTICE is out of date: make notice")
}

func TestLicence(t *testing.T) {
	for text, want := range map[string]licence{
		"Copyright (c) 2019 A. Uthor\n\nPermission is hereby granted, free of charge, to":                  {"MIT", "Copyright (c) 2019 A. Uthor"},
		"// Copyright 2015 The Authors. \nRedistributions of source code must retain\nNeither the name of": {"BSD-3-Clause", "Copyright 2015 The Authors."},
		"Redistributions of source code must retain":                                                       {"BSD-2-Clause", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := (module{Dir: dir}).licence(); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := (module{Dir: t.TempDir()}).licence(); err == nil {
		t.Error("no licence: no error")
	}
}
