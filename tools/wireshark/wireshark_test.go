package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motile/tools/dissect/dissecttest"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew: what tshark says of the golden capture")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}

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

const capture = "../flipdump/testdata/world.pcapng"

// tshark runs it on a capture, with the dissector.
func tshark(t *testing.T, file string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark here: scripts/setup tshark installs it")
	}
	cmd := exec.Command(path, append([]string{"-n", "-X", "lua_script:amflip.lua", "-r", file}, args...)...)
	// Neither the user's settings nor the time zone have a say.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "TZ=UTC", "LC_ALL=C.UTF-8")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	done := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer done.Stop()
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark: %v\n%s", err, &errs)
	}
	for line := range strings.Lines(errs.String()) {
		if strings.Contains(strings.ToLower(line), "lua") {
			t.Errorf("tshark complains: %s", line)
		}
	}
	return out.String()
}

// undecoded matches what the dissector does not understand, and its own errors.
const undecoded = "amflip.undecoded || _ws.lua.error || _ws.malformed || !amflip"

func TestDissector_LeavesNothing(t *testing.T) {
	for _, passes := range [][]string{nil, {"-2"}} {
		if out := tshark(t, capture, append(passes, "-Y", undecoded)...); out != "" {
			t.Errorf("not decoded %v:\n%s", passes, out)
		}
	}
}

// What is spoken today is decoded today; the golden capture may be older.
func TestDissector_DecodesWorlds(t *testing.T) {
	for name, make := range map[string]func(testing.TB, string){
		"world": func(t testing.TB, path string) { dissecttest.World(t, path) },
		"long":  dissecttest.Long,
		"group": dissecttest.Group,
	} {
		file := filepath.Join(t.TempDir(), "x.pcapng")
		make(t, file)
		if out := tshark(t, file, "-Y", undecoded); out != "" {
			t.Errorf("%s: not decoded:\n%s", name, out)
		}
	}
}

// What tshark says of each frame of the golden capture, moves included.
func TestDissector_Golden(t *testing.T) {
	got := tshark(t, capture, "-T", "fields", "-E", "separator=|", "-E", "aggregator=;",
		"-e", "frame.number", "-e", "amflip.type", "-e", "amflip.mtu", "-e", "amflip.messid", "-e", "amflip.rpc.type", "-e", "amflip.rpc.tid",
		"-e", "amflip.header.status", "-e", "amflip.command", "-e", "amflip.value", "-e", "amflip.check.good",
		"-e", "amflip.move", "-e", "_ws.col.Info")
	const golden = "testdata/world.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(text), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(want) || line != want[i] {
			t.Fatalf("line %d is\n%s\nmake golden writes it anew", i+1, line)
		}
	}
}

// A frame that was damaged, or is of another kind than those that are known, is not
// passed over.
func TestDissector_TellsDamage(t *testing.T) {
	whole, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	damaged, at := bytes.Clone(whole), 0
	for _, where := range []int{2, 3, 20, 2 + 68} { // version, type, address, message; of frames 1 to 4
		at += bytes.Index(whole[at:], []byte{0x81, 0x46}) + 2
		damaged[at-2+where] ^= 0x40
	}
	file := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(file, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := tshark(t, file, "-Y", undecoded, "-T", "fields", "-e", "frame.number"); out != "1\n2\n3\n4\n" {
		t.Errorf("not decoded are frames %q", out)
	}
}
