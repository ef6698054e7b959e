package capability

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// counter is a Random source whose values are easy to recognise in hex.
func counter() func() uint64 {
	var n uint64
	return func() uint64 { n++; return n * 0x0101010101010101 }
}

// unhex reads annotated hex: spaces are ignored, and so is a line from # on.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCapability_GoldenBytes(t *testing.T) {
	random := counter()
	c := Owner(NewPort(random), 0x0a0b0c0d0e0f, NewSecret(random))
	c.Rights = PSRRead | PSRMigrate
	want := unhex(t, `
		0101010101010101 0202020202020202   # port
		00000a0b0c0d0e0f                    # object
		00000041                            # rights
		0303030303030303 0404040404040404   # check`)
	if got := c.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("encoded %x, want %x", got, want)
	}
	back, ok := Decode(want)
	if !ok || back != c {
		t.Errorf("decoded %v, want %v", back, c)
	}
	if _, ok := Decode(want[:EncodedLen-1]); ok {
		t.Error("43 bytes decoded")
	}
}

// One-way values reach disks and other nodes, so they may not change. The
// expected ones were computed with another implementation of SHA-3.
func TestOneWay_Golden(t *testing.T) {
	for _, test := range []struct {
		domain string
		in     []string
		want   string
	}{
		{"port", []string{"sixteen byte key"}, "47bc976924ce8cc739a16f90ce442a36"},
		{"flip", []string{"sixteen byte key"}, "4f7f8f27b1c1029f6330feedd6ddc497"},
	} {
		in := make([][]byte, len(test.in))
		for i, s := range test.in {
			in[i] = []byte(s)
		}
		got := OneWay(test.domain, in...)
		if hex.EncodeToString(got[:]) != test.want {
			t.Errorf("OneWay(%q, %q) = %x, want %s", test.domain, test.in, got, test.want)
		}
	}
	if OneWay("a", []byte("bc")) == OneWay("a", []byte("b"), []byte("c")) {
		t.Error("the split of the inputs does not matter")
	}
	if OneWay("ab", []byte("c")) == OneWay("a", []byte("bc")) {
		t.Error("the domain runs into the input")
	}
}

func TestPort_NullMapsToItself(t *testing.T) {
	if !(Port{}).Put().IsNull() {
		t.Error("the null get-port has a put-port")
	}
}

func TestRestrict_OnlyRemovesRights(t *testing.T) {
	random := counter()
	secret := NewSecret(random)
	owner := Owner(NewPort(random).Put(), 7, secret)
	weak, ok := Restrict(owner, PSRRead|PSRMigrate)
	if !ok || weak.Rights != PSRRead|PSRMigrate {
		t.Fatalf("restricted to %v, ok=%v", weak.Rights, ok)
	}
	if !Verify(owner, secret) || !Verify(weak, secret) {
		t.Error("a granted capability does not verify")
	}
	for _, forge := range []func(*Capability){
		func(c *Capability) { c.Rights |= PSRKill },
		func(c *Capability) { c.Rights = AllRights },
		func(c *Capability) { c.Object++ },
		func(c *Capability) { c.Port[3] ^= 1 },
		func(c *Capability) { c.Check[15] ^= 1 },
	} {
		c := weak
		forge(&c)
		if Verify(c, secret) {
			t.Errorf("forged %v verifies", c)
		}
	}
	if _, ok := Restrict(weak, PSRRead); ok {
		t.Error("a restricted capability was restricted without its service")
	}
}

func TestRights_Text(t *testing.T) {
	for text, want := range map[string]Rights{
		"ALL":                       AllRights,
		"NONE":                      0,
		"PSR_READ,PSR_MIGRATE":      PSRRead | PSRMigrate,
		"PSR_KILL,0x80000000":       PSRKill | 1<<31,
		"read, Migrate":             PSRRead | PSRMigrate,
		"0xff":                      0xff,
		"PSR_EXEC,PSR_CREATE,none":  PSRExec | PSRCreate,
		"psr_write,psr_delete,0x01": PSRWrite | PSRDelete | PSRRead,
	} {
		got, err := ParseRights(text)
		if err != nil || got != want {
			t.Errorf("ParseRights(%q) = %v, %v; want %v", text, got, err, want)
		}
		again, err := ParseRights(got.String())
		if err != nil || again != got {
			t.Errorf("%v prints as %q, which parses to %v, %v", uint32(got), got, again, err)
		}
	}
	for _, bad := range []string{"", "fly", "0x", "0x100000000", "read,,kill"} {
		if r, err := ParseRights(bad); err == nil {
			t.Errorf("ParseRights(%q) = %v", bad, r)
		}
	}
}

func TestText_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), EncodedLen, EncodedLen).Draw(t, "raw")
		c, _ := Decode(raw)
		back, err := Parse(c.String())
		if err != nil || back != c {
			t.Fatalf("%v parses to %v, %v", c, back, err)
		}
		port, err := ParsePort(c.Port.String())
		if err != nil || port != c.Port {
			t.Fatalf("%v parses to %v, %v", c.Port, port, err)
		}
	})
}

// FuzzParse checks that a text either is refused or has exactly one meaning.
func FuzzParse(f *testing.F) {
	c := Owner(NewPort(counter()), 1, Secret{1})
	f.Add(c.String())
	f.Add("::::")
	f.Add(strings.ToUpper(c.String()) + "\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			return
		}
		if canonical := strings.ToLower(strings.TrimSpace(s)); c.String() != canonical {
			t.Errorf("%q parses to %q", s, c)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, EncodedLen))
	f.Add([]byte("too short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, ok := Decode(b); ok && !bytes.Equal(c.Append(nil), b[:EncodedLen]) {
			t.Errorf("%x decodes to %v", b, c)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	secret := NewSecret(counter())
	weak, _ := Restrict(Owner(Port{1}, 7, secret), PSRRead)
	b.ReportAllocs()
	for b.Loop() {
		if !Verify(weak, secret) {
			b.Fatal("refused")
		}
	}
}
