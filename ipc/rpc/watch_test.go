package rpc

import (
	"io/fs"
	"strings"
	"testing"

	"motile/ipc/internal/golden"
)

// Every message of the golden files is summarized, and who speaks is told.
func TestSummarize_KnowsAll(t *testing.T) {
	client := map[Type]bool{Request: true, Ack: true, Enquire: true, Received: true}
	files, err := fs.Glob(testdata, "*.hex")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[Type]bool)
	for _, name := range files {
		if name == "state.hex" {
			continue
		}
		s, ok := Summarize(golden.Read(t, testdata, name))
		if !ok {
			t.Errorf("%s is not summarized", name)
			continue
		}
		seen[s.Type] = true
		if s.Type != Pull && s.Type != Part && s.Type != Fail && s.Client() != client[s.Type] {
			t.Errorf("%s: from the client: %v", name, s.Client())
		}
	}
	for typ := Locate; !strings.Contains(typ.String(), "?"); typ++ {
		if !seen[typ] {
			t.Errorf("there are no golden bytes of a %v", typ)
		}
	}
	for _, s := range []Summary{{Type: Pull, Arg: ofReply}, {Type: Part, Arg: ofRequest}, {Type: Fail, Arg: ofRequest}} {
		if !s.Client() {
			t.Errorf("%v about %d comes from the server", s.Type, s.Arg)
		}
	}
}

func FuzzSummarize(f *testing.F) {
	for _, name := range []string{"request.hex", "forward.hex", "part.hex", "pull.hex", "hereis.hex"} {
		f.Add(golden.Read(f, testdata, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, ok := Summarize(b); ok && len(s.Data) > len(b) {
			t.Error("more data than there is")
		}
	})
}
