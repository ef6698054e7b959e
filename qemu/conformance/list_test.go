package conformance

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestParseList(t *testing.T) {
	l, err := ParseList("# a comment\n\na.go pass\nb/c.go pass slow\nd.go skip needs a dog\n")
	want := List{"a.go": {}, "b/c.go": {Slow: true}, "d.go": {Skip: "needs a dog"}}
	if err != nil || !reflect.DeepEqual(l, want) {
		t.Fatalf("%v, %v", l, err)
	}
	if again, err := ParseList(l.Text()); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("%v, %v", again, err)
	}
	for _, bad := range []string{"a.go", "a.go skip", "a.go pass because", "a.go fail", "a.go pass\na.go pass"} {
		if _, err := ParseList(bad); err == nil {
			t.Errorf("%q is a list", bad)
		}
	}
}

// The frozen list is in the form in which it is proposed, and has something to run.
func TestFrozen(t *testing.T) {
	l, err := Frozen()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(l.Sample(0)); n < 900 {
		t.Errorf("%d programs are run", n)
	}
	if n := len(l.Sample(60)); n != 60 {
		t.Errorf("a sample of 60 has %d", n)
	}
}

func TestSuite(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"plain.go":        "// run\n\npackage main\n",
		"args.go":         "// run a b\n\npackage main\n",
		"flags.go":        "//go:build linux && !cgo\n\n// run -gcflags='all=-N -l' x\n\npackage main\n",
		"race.go":         "// run -race\n\npackage main\n",
		"sub/cgo.go":      "// run\n\n//go:build cgo\n\npackage main\n",
		"before.go":       "//go:build cgo\n\n// run\n\npackage main\n",
		"compile.go":      "// compile\n\npackage main\n",
		"dir.go":          "// rundir\n",
		"parts.dir/x.go":  "// run\n",
		"plain.out":       "hello\n",
		"comment.go":      "// The first comment counts.\n// run\n",
		"package.go":      "package main\n// run\n",
		"sub/nothing.txt": "// run\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Suite(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Program)
	for _, p := range all {
		got[p.Name] = p
	}
	if len(got) != 6 {
		t.Errorf("%v", got)
	}
	if p := got["plain.go"]; string(p.Out) != "hello\n" || p.Not != "" {
		t.Errorf("%+v", p)
	}
	if p := got["args.go"]; !reflect.DeepEqual(p.Args, []string{"a", "b"}) {
		t.Errorf("%+v", p)
	}
	if p := got["flags.go"]; !reflect.DeepEqual(p.Flags, []string{"-gcflags=all=-N -l"}) || !reflect.DeepEqual(p.Args, []string{"x"}) || p.Not != "" {
		t.Errorf("%+v", p)
	}
	for _, name := range []string{"race.go", "before.go", "sub/cgo.go"} {
		if got[name].Not == "" {
			t.Errorf("%s is for us", name)
		}
	}
}

// A program is right if it prints what it should and ends well, and not otherwise.
func TestOnHost(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(exe, []byte("#!/bin/sh\necho $1; exit $2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		out  string
		ok   bool
	}{{[]string{"yes", "0"}, "yes\n", true}, {[]string{"no", "0"}, "yes\n", false}, {[]string{"yes", "3"}, "yes\n", false}} {
		o, err := onHost(t.Context(), &Program{Args: test.args, Out: []byte(test.out)}, exe)
		if err != nil || o.OK != test.ok || o.OK != (o.Why == "") {
			t.Errorf("%v: %+v, %v", test.args, o, err)
		}
	}
}

// A run is well if all that is to run does, shaken and not, all but a few in a hundred
// unmoved, and if the list is that of the programs there are.
func TestSummary(t *testing.T) {
	good, bad := &Outcome{OK: true, Moves: 2, Restores: 30}, &Outcome{Why: "it fell"}
	three := func(host, still, shaken *Outcome) *Result {
		return &Result{Ways: map[Way]*Outcome{Host: host, Still: still, Shaken: shaken}}
	}
	results := func() *Results {
		r := &Results{Programs: map[string]*Result{"skipped": {Skip: "because"}, "earlier": three(bad, bad, bad)}, tried: map[string]bool{"skipped": true}}
		for i := range 100 {
			name := string(rune('a'+i%26)) + string(rune('a'+i/26))
			r.Programs[name], r.tried[name] = three(good, good, good), true
		}
		return r
	}
	for _, test := range []struct {
		what string
		do   func(r *Results)
		ok   bool
	}{
		{"all is well", func(*Results) {}, true},
		{"one fails unmoved", func(r *Results) { r.Programs["aa"] = three(good, bad, nil) }, true},
		{"three fail unmoved", func(r *Results) {
			for _, name := range []string{"aa", "ba", "ca"} {
				r.Programs[name] = three(good, bad, nil)
			}
		}, false},
		{"one fails shaken", func(r *Results) { r.Programs["aa"] = three(good, good, bad) }, false},
		{"one was not shaken", func(r *Results) { r.Programs["aa"] = three(good, good, nil) }, false},
		{"one fails on the host", func(r *Results) { r.Programs["aa"] = three(bad, nil, nil) }, false},
		{"one is not listed", func(r *Results) { r.Wrong = []string{"x.go is not in the list"} }, false},
	} {
		r := results()
		test.do(r)
		if s := r.Summary(); s.OK() != test.ok || s.Skipped != 1 || s.Host+len(s.HostFails) != 100 {
			t.Errorf("%s: %v\n%s", test.what, s.OK(), s.String())
		}
	}
}
