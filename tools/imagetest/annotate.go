package imagetest

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Major types of CBOR (RFC 8949, 3.1), as far as image.Marshal uses them.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	_
	majorSimple
)

// annotator writes an encoded value, an item a line.
type annotator struct {
	b   []byte // what is left
	out strings.Builder
}

// Annotate is the bytes in hex, with the names that their types give them.
func Annotate(b []byte, t reflect.Type) string {
	a := &annotator{b: b}
	a.item(0, "", t)
	if len(a.b) > 0 {
		a.line(0, len(a.b), "left over")
	}
	return a.out.String()
}

// width is how much hex a line has at most, in bytes.
const width = 24

// line takes n bytes and writes them with a comment.
func (a *annotator) line(depth, n int, format string, args ...any) {
	indent := strings.Repeat("  ", depth)
	for first := true; n > 0 || first; first = false {
		k := min(n, width)
		text := strings.TrimRight(fmt.Sprintf("%s% x", indent, a.b[:k]), " ")
		if comment := strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n", `\n`); first && comment != "" {
			text = fmt.Sprintf("%-48s # %s", text, comment)
		}
		a.out.WriteString(text + "\n")
		a.b = a.b[k:]
		n -= k
	}
}

// head looks at what is next: its major type, its argument, and how long the two are.
func (a *annotator) head() (major int, arg uint64, n int) {
	major, arg, n = int(a.b[0]>>5), uint64(a.b[0]&31), 1
	if arg >= 24 {
		size := 1 << (arg - 24)
		arg = 0
		for _, c := range a.b[1 : 1+size] {
			arg = arg<<8 | uint64(c)
		}
		n += size
	}
	return major, arg, n
}

// item writes the next item, which is called something and is of a type, unless nobody
// knows (nil).
func (a *annotator) item(depth int, name string, t reflect.Type) {
	major, arg, n := a.head()
	switch major {
	case majorUint:
		a.line(depth, n, "%s %d", name, arg)
	case majorNegative:
		a.line(depth, n, "%s %d", name, -1-int64(arg))
	case majorSimple:
		a.line(depth, n, "%s %s", name, map[uint64]string{20: "false", 21: "true", 22: "none"}[arg])
	case majorBytes:
		a.line(depth, n+int(arg), "%s, %d bytes", name, arg)
	case majorText:
		text := a.b[n : n+int(arg)]
		if !utf8.Valid(text) {
			text = nil
		}
		a.line(depth, n+int(arg), "%s %q", name, text)
	case majorArray:
		a.line(depth, n, "%s, %d of", name, arg)
		for range arg {
			a.item(depth+1, "", elem(t))
		}
	case majorMap:
		a.fields(depth, name, int(arg), n, t)
	}
}

// fields writes a map: of a struct, key and value have a line each.
func (a *annotator) fields(depth int, name string, count, n int, t reflect.Type) {
	if t != nil && t.Kind() == reflect.Struct {
		name += " " + t.String()
	}
	a.line(depth, n, "%s, %d fields", name, count)
	for range count {
		_, key, n := a.head()
		if f, ok := field(t, key); ok {
			a.line(depth+1, n, "%d", key)
			a.item(depth+2, f.Name, f.Type)
			continue
		}
		a.item(depth+1, "key", nil)
		a.item(depth+2, "", elem(t))
	}
}

// field is the field of a struct with a number.
func field(t reflect.Type, key uint64) (f reflect.StructField, ok bool) {
	if t == nil || t.Kind() != reflect.Struct {
		return f, false
	}
	for i := range t.NumField() {
		f = t.Field(i)
		if number, _, _ := strings.Cut(f.Tag.Get("cbor"), ","); number == fmt.Sprint(key) {
			return f, true
		}
	}
	return f, false
}

// elem is the type of a list's or map's elements, nil if that is not known.
func elem(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem()
	}
	return nil
}
