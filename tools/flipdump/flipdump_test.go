package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"motile/qemu/bridge/pcapng"
	"motile/tools/dissect/dissecttest"
)

// What the golden files are made of again. A human reads the difference.
var rewrite = flag.Bool("rewrite", false, "write testdata anew: the capture and what flipdump says of it")

const (
	goldenCapture = "testdata/world.pcapng"
	goldenKey     = "testdata/world.key"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}

type result struct {
	status    int
	out, errs string
}

func dump(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(args, strings.NewReader(""), &out, &errs)
	return result{status, out.String(), errs.String()}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	for i, line := range strings.Split(got, "\n") {
		if w := strings.Split(string(want), "\n"); i >= len(w) || line != w[i] {
			t.Fatalf("%s: line %d is\n%s\nmake golden writes it anew", path, i+1, line)
		}
	}
	t.Fatalf("%s: there is more in it; make golden writes it anew", path)
}

// The golden capture has frames of every kind that a move takes, all are decoded, and
// what is said of them is in the other golden files.
func TestGolden(t *testing.T) {
	if *rewrite {
		key := dissecttest.World(t, goldenCapture)
		if err := os.WriteFile(goldenKey, []byte(fmt.Sprintf("%x\n", key)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, args := range map[string][]string{
		"world.txt":   {"--key", goldenKey, "--strict"},
		"nokey.txt":   {"--strict"},
		"stats.txt":   {"--stats", "--strict"},
		"move.txt":    {"--key", goldenKey, "--type", "BUSY", "--type", "MOVE_COMMIT", "--type", "MOVE_OFFER", "--type", "LOCATE"},
		"address.txt": {"--key", goldenKey, "--addr", "node 1", "--type", "REPLY"},
	} {
		r := dump(t, append(args, goldenCapture)...)
		if r.status != 0 || r.errs != "" {
			t.Errorf("%s: exit status %d, %s", name, r.status, r.errs)
		}
		golden(t, name, r.out)
	}
}

// What a simulated cluster says today is decoded today; the golden capture may be
// older.
func TestWorld_IsDecoded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	key := dissecttest.World(t, path)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(fmt.Sprintf("%x", key)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := dump(t, "--strict", "--key", keyFile, path)
	if r.status != 0 {
		t.Fatalf("%s%s", r.out, r.errs)
	}
	for _, want := range []string{"offered", "accepted", "frozen", "prepare", "ready", "commit,", "announces itself", "committed"} {
		if strings.Count(r.out, want) < 2 {
			t.Errorf("of two moves it is not told: %s\n%s", want, r.out)
		}
	}
	for _, want := range []string{"first frame", "told BUSY", "(lost)", "(again)"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %s\n%s", want, r.out)
		}
	}
}

// Data too long for one message is pulled, in parts; who watches the wire sees all of
// it nevertheless.
func TestLong_IsPutTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	dissecttest.Long(t, path)
	r := dump(t, "--strict", "--type", "PART", "--type", "PULL", path)
	if r.status != 0 {
		t.Fatal(r.errs)
	}
	for _, want := range []string{"PART 1/1 of the request ", "PULL 1/1 of the reply "} {
		if !strings.Contains(r.out, want) {
			t.Errorf("it is not said: %s", want)
		}
	}
	if n := strings.Count(r.out, "Data=2500000 bytes"); n != 2 {
		t.Errorf("%d messages of the full length", n)
	}
}

func TestGroup_IsDecoded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	dissecttest.Group(t, path)
	r := dump(t, "--strict", path)
	if r.status != 0 {
		t.Fatal(r.errs)
	}
	for _, want := range []string{
		"LOCATE member", "HEREIS member", "JOINREQ member", "JOIN member", "kind=join", "BCASTREQ member", "BCAST member", "flag=accept",
		"REFORMREQ member", "VOTE member", "RESULT member", "members=[", "command=6",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("it is not said: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%.20000s", r.out)
	}
}

func TestJSON_IsOneObjectAFrame(t *testing.T) {
	r := dump(t, "--json", "--move", "1000002", "--key", goldenKey, goldenCapture)
	d := json.NewDecoder(strings.NewReader(r.out))
	for n := 0; ; n++ {
		var f struct {
			Nr   int
			FLIP *struct{ Type string }
			Move *struct{ PID int32 }
		}
		if err := d.Decode(&f); err != nil {
			if n < 20 {
				t.Fatal(n, err)
			}
			return
		}
		if f.Nr == 0 || f.FLIP == nil || f.FLIP.Type == "" || f.Move == nil || f.Move.PID != 1000002 {
			t.Fatalf("%+v", f)
		}
	}
}

func TestErrors(t *testing.T) {
	whole, err := os.ReadFile(goldenCapture)
	if err != nil {
		t.Fatal(err)
	}
	file := func(b []byte) string {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	damaged := bytes.Clone(whole)
	i := bytes.Index(damaged, []byte{0x81, 0x46, 4})
	damaged[i+30] ^= 1
	for name, c := range map[string]struct {
		args   []string
		status int
		errs   string
	}{
		"nothing":    {[]string{file(nil)}, exitFailure, "not a capture file"},
		"text":       {[]string{file([]byte("something else entirely"))}, exitFailure, "not a capture file"},
		"cut off":    {[]string{file(whole[:len(whole)-30])}, exitFailure, "cut off"},
		"no file":    {[]string{"/nowhere"}, exitFailure, "no such file"},
		"no key":     {[]string{"--key", file([]byte("zz")), goldenCapture}, exitFailure, "not a cluster key"},
		"option":     {[]string{"--fly", goldenCapture}, exitUsage, "--fly"},
		"both":       {[]string{"--json", "--stats", goldenCapture}, exitUsage, "--json"},
		"damaged":    {[]string{"--strict", file(damaged)}, exitFailure, "frame 1: a damaged FLIP frame"},
		"not strict": {[]string{file(damaged)}, 0, ""},
		"help":       {[]string{"-h"}, 0, ""},
	} {
		if r := dump(t, c.args...); r.status != c.status || !strings.Contains(r.errs, c.errs) || c.errs == "" && r.errs != "" {
			t.Errorf("%s: exit status %d, %q", name, r.status, r.errs)
		}
	}
}

// A capture comes through a pipe as well, and in the older format.
func TestStandardInput(t *testing.T) {
	whole, err := os.ReadFile(goldenCapture)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if status := run([]string{"--stats"}, bytes.NewReader(whole), &out, &errs); status != 0 || !strings.Contains(out.String(), "0 not decoded") {
		t.Errorf("exit status %d, %s%s", status, &out, &errs)
	}
}

// Frames that are not FLIP are described, or said not to be decoded.
func TestForeignFrames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	w, err := pcapng.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range foreign {
		if err := w.Write("n1", f.at(), f.bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "foreign.txt", dump(t, path).out)
	if r := dump(t, "--strict", path); r.status != exitFailure || !strings.Contains(r.errs, "2 frames are not decoded: frame 4: ") {
		t.Error(r.errs)
	}
}
