package dissect

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/migrate/wire"
)

// Field is a part of a message, in words.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// decode reads a message's data. value is what CBOR and pages decode to. ok is false
// if the data are not what d says.
func (d Data) decode(b []byte) (fields []Field, value any, ok bool) {
	switch d.Form {
	case CBOR:
		v := reflect.New(reflect.TypeOf(d.Sample))
		if image.Unmarshal(b, v.Interface()) != nil {
			return nil, nil, false
		}
		value = v.Elem().Interface()
		fields = structFields(v.Elem())
		if p, is := value.(wire.Prepare); is {
			records, err := image.Read(p.Image)
			if err != nil {
				return nil, nil, false
			}
			fields = append(fields, Field{"Records", recordText(records)})
		}
		return fields, value, true
	case PageStream:
		p, ok := wire.DecodePages(b)
		return []Field{{"Move", fmt.Sprint(p.Move.Nr)}, {"Seq", fmt.Sprint(p.Seq)}, {"Pages", fmt.Sprint(p.Count)}}, p, ok
	case Text:
		return []Field{{"Text", words(string(b))}}, nil, true
	case Capability:
		c, ok := capability.Decode(b)
		if !ok {
			return dataField(b), nil, len(b) == 0
		}
		return []Field{{"Object", fmt.Sprint(c.Object)}, {"Rights", fmt.Sprintf("%#x", uint32(c.Rights))}}, nil, true
	case Soap:
		v := reflect.New(reflect.TypeOf(d.Sample))
		if len(b) == 0 {
			return nil, nil, true // it failed, or wants the default
		}
		if std.SoapDecode(b, v.Interface()) != nil {
			return nil, nil, false
		}
		value = v.Elem().Interface()
		return soapFields(value), value, true
	case Who:
		w, rest, ok := fileio.DecodeWho(b)
		return append([]Field{{"PID", fmt.Sprint(w.PID)}}, dataField(rest)...), nil, ok
	case FileStatus:
		if len(b) == 0 {
			return nil, nil, true // the reply says that there is none
		}
		s, ok := fileio.DecodeStatus(b)
		return []Field{{"Mode", fmt.Sprintf("%#o", s.Mode)}, {"Size", fmt.Sprint(s.Size)}}, nil, ok
	}
	return dataField(b), nil, true
}

// soapFields names rows; capabilities are secrets, and long.
func soapFields(value any) []Field {
	row := func(r *std.SoapRow) []Field {
		f := []Field{{"Name", words(r.Name)}}
		for _, m := range r.Set.Members {
			f = append(f, Field{"Object", fmt.Sprint(m.Cap.Object)})
		}
		return f
	}
	switch v := value.(type) {
	case std.SoapRow:
		return row(&v)
	case std.SoapFound:
		return row(&v.Row)
	case std.SoapListing:
		return []Field{{"Rows", fmt.Sprint(len(v.Rows))}}
	case []string:
		return []Field{{"Columns", words(strings.Join(v, " "))}}
	}
	return []Field{{"Entries", fmt.Sprint(reflect.ValueOf(value).Len())}}
}

func dataField(b []byte) []Field {
	if len(b) == 0 {
		return nil
	}
	return []Field{{"Data", bytesText(b)}}
}

// recordText is what an image has in it.
func recordText(records []image.Record) string {
	var parts []string
	for _, r := range records {
		parts = append(parts, fmt.Sprintf("%v %d", r.Type, len(r.Payload)))
	}
	return strings.Join(parts, ", ")
}

// structFields are the fields of a struct that are not zero.
func structFields(v reflect.Value) (fields []Field) {
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			fields = append(fields, Field{v.Type().Field(i).Name, valueText(f)})
		}
	}
	return fields
}

// mostItems is how many elements of a list are spelt out.
const mostItems = 4

// valueText is a value in few words.
func valueText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return words(v.String())
	case reflect.Struct:
		var parts []string
		for _, f := range structFields(v) {
			parts = append(parts, f.Name+"="+f.Value)
		}
		return "{" + strings.Join(parts, " ") + "}"
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			return bytesText(v.Bytes())
		}
		if v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0 {
			return fmt.Sprintf("[%d]", v.Len())
		}
		var parts []string
		for i := range min(v.Len(), mostItems) {
			parts = append(parts, valueText(v.Index(i)))
		}
		if v.Len() > mostItems {
			parts = append(parts, "…")
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Map:
		return fmt.Sprintf("[%d]", v.Len())
	}
	return fmt.Sprint(v.Interface())
}

// mostText is how much of a text or of bytes is shown.
const mostText = 40

// words is a text on one line, quoted if it needs to be.
func words(s string) string {
	short := s
	if len(short) > mostText {
		short = strings.ToValidUTF8(short[:mostText], "") + "…"
	}
	if short == "" || strings.ContainsFunc(short, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' || r == '"' }) {
		return fmt.Sprintf("%q", short)
	}
	return short
}

// bytesText shows short text as text, and of all else the length.
func bytesText(b []byte) string {
	if len(b) <= mostText && utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%d bytes", len(b))
}
