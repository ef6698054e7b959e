package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What makes no sense is refused before anybody is asked.
func TestRun_Usage(t *testing.T) {
	for line, want := range map[string]int{
		"motile":                         0,
		"motile --list":                  0,
		"motile migrate -h":              0,
		"/bbin/ps --help":                0,
		"motile fly":                     exitUsage,
		"migrate":                        exitUsage,
		"migrate 1000002":                exitUsage,
		"migrate 1000002 2 3":            exitUsage,
		"migrate --fast 1000002 2":       exitUsage,
		"migrate --strategy":             exitUsage,
		"nodes 1":                        exitUsage,
		"kill":                           exitUsage,
		"kill -l":                        0,
		"kill -s":                        exitUsage,
		"run":                            exitUsage,
		"motile resolve 1000002":         exitUsage,
		"motile wait 1000002 1000003":    exitUsage,
		"motile cap --rights READ":       exitUsage,
		"std info":                       exitUsage,
		"dir / /":                        exitUsage,
		"put /x":                         exitUsage,
		"chm -f ff /x":                   exitUsage,
		"motile mkd":                     exitUsage,
		"std fly 1000002":                exitUsage,
		"std restrict 1000002":           exitUsage,
		"std restrict fly 1000002":       exitUsage,
		"std getparams 1000002 x":        exitUsage,
		"std setparams 1000002":          exitUsage,
		"std setparams 1000002 comment":  exitUsage,
		"stun --resume 1000002 1000003":  exitUsage,
		"stun":                           exitUsage,
		"resume --now 1000002":           exitUsage,
		"checkpoint":                     exitUsage,
		"checkpoint --every 5 1000002":   exitUsage,
		"checkpoint --every 1ms 1000002": exitUsage,
		"checkpoint --restart 1000002":   exitUsage,
		"checkpoint --node x 1000002":    exitUsage,
		"checkpoint -o":                  exitUsage,
		"restart --node 2":               exitUsage,
		"restart a.ckpt b.ckpt":          exitUsage,
		"clone 1000002 2 3":              exitUsage,
		"pdump -x 1000002":               exitUsage,
		"drain --json":                   exitUsage,
		"logs -f --cap file 1000002 all": exitUsage,
	} {
		if got := run(strings.Fields(line)); got != want {
			t.Errorf("%q: exit status %d, want %d", line, got, want)
		}
	}
}

// The build makes a link for each of these names.
func TestCommands_AreLinked(t *testing.T) {
	var names strings.Builder
	list(&names)
	if strings.Contains(names.String(), "wait\n") || !strings.Contains(names.String(), "migrate\n") {
		t.Error(names.String())
	}
	makefile, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(makefile)) {
		linked, ok := strings.CutPrefix(line, "COMMANDS := ")
		if !ok {
			continue
		}
		want, got := strings.Fields(names.String()), strings.Fields(linked)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("the Makefile links %v, the commands are %v", got, want)
		}
		return
	}
	t.Error("the Makefile has no COMMANDS")
}
