package imagetest

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"motile/migrate/image"
)

var rewrite = flag.Bool("rewrite", false, "write golden files of encoded values anew")

// Golden checks that samples encode to what testdata/NAME.hex says, NAME being that of
// the sample's type in lower case, and decode to what they were. A sample has no zero
// field, so that all are seen.
func Golden(t *testing.T, samples ...any) {
	t.Helper()
	for _, sample := range samples {
		typ := reflect.TypeOf(sample)
		if zero := zeroField(reflect.ValueOf(sample)); zero != "" {
			t.Errorf("%v: the sample's %s is zero", typ, zero)
		}
		b, err := image.Marshal(sample)
		if err != nil {
			t.Errorf("%v: %v", typ, err)
			continue
		}
		compare(t, filepath.Join("testdata", strings.ToLower(typ.Name())+".hex"), Annotate(b, typ))
		back := reflect.New(typ)
		if err := image.Unmarshal(b, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), sample) {
			t.Errorf("%v: decoded %+v, %v", typ, back.Elem(), err)
		}
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Error(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	lines, wanted := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i, line := range lines {
		if i >= len(wanted) || line != wanted[i] {
			t.Errorf("%s: line %d is %q; if the format was meant to change: go test -rewrite here, and look at the difference", path, i+1, line)
			return
		}
	}
	if len(lines) < len(wanted) {
		t.Errorf("%s: there is more than %d lines", path, len(lines))
	}
}

// zeroField names a field that is zero, or "".
func zeroField(v reflect.Value) string {
	if v.Kind() != reflect.Struct {
		return ""
	}
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			return v.Type().Field(i).Name
		}
	}
	return ""
}

// Fuzz feeds a decoder of types: what decodes, encodes to something that decodes to
// the same again. Each sample is a seed of all types.
func Fuzz(f *testing.F, samples ...any) {
	for _, sample := range samples {
		b, err := image.Marshal(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, sample := range samples {
			first, second := reflect.New(reflect.TypeOf(sample)), reflect.New(reflect.TypeOf(sample))
			if image.Unmarshal(b, first.Interface()) != nil {
				continue
			}
			again, err := image.Marshal(first.Interface())
			if err != nil {
				t.Fatalf("%T: decoded, but does not encode: %v", sample, err)
			}
			if err := image.Unmarshal(again, second.Interface()); err != nil {
				t.Fatalf("%T: encoded, but does not decode: %v", sample, err)
			}
			if last, _ := image.Marshal(second.Interface()); string(last) != string(again) {
				t.Fatalf("%T: %x became %x", sample, again, last)
			}
		}
	})
}
