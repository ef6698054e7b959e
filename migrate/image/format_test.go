package image_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"motile/migrate/image"
)

// FORMAT.md documents each field of each type that an image can hold, once, with its
// unit, its owner and what happens to it, and nothing else.
func TestFormat_DocumentsEveryField(t *testing.T) {
	documented := formatTables(t)
	types := map[string]reflect.Type{}
	for _, root := range []any{image.Process{}, image.Object{}, image.RPC{}, image.Lineage{}, image.Segment{}, image.Content{}} {
		structs(reflect.TypeOf(root), types)
	}
	for name, typ := range types {
		rows := documented[name]
		if rows == nil {
			t.Errorf("FORMAT.md: no table for %s", name)
			continue
		}
		delete(documented, name)
		for i := range typ.NumField() {
			f := typ.Field(i)
			number, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
			if field := number + " " + f.Name; !rows[field] {
				t.Errorf("FORMAT.md: %s has no line “| %s | meaning, unit | owner | on move | on clone | on restart |”", name, field)
			} else {
				delete(rows, field)
			}
		}
		for field := range rows {
			t.Errorf("FORMAT.md: %s has no field %s", name, field)
		}
	}
	for name := range documented {
		t.Errorf("FORMAT.md: no image has a %s", name)
	}
}

// structs collects a type and all that its fields refer to.
func structs(t reflect.Type, into map[string]reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		structs(t.Elem(), into)
	case reflect.Struct:
		if into[t.Name()] != nil {
			return
		}
		into[t.Name()] = t
		for i := range t.NumField() {
			structs(t.Field(i).Type, into)
		}
	}
}

// formatTables are the first cells of each type's table.
func formatTables(t *testing.T) map[string]map[string]bool {
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, ok := strings.Cut(string(text), "\n## What happens to a field\n")
	if !ok {
		t.Fatal("FORMAT.md: the part on fields is not where it was")
	}
	tables := make(map[string]map[string]bool)
	var rows map[string]bool
	for line := range strings.Lines(fields) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			if tables[name] != nil {
				t.Errorf("FORMAT.md: two tables for %s", name)
			}
			rows = make(map[string]bool)
			tables[name] = rows
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.TrimSpace(cells[0]) == "field" {
			continue
		}
		field := strings.TrimSpace(cells[0])
		if rows[field] {
			t.Errorf("FORMAT.md: %s is there twice", line)
		}
		rows[field] = true
		if len(cells) != 6 {
			t.Errorf("FORMAT.md: %q has %d cells", line, len(cells))
		}
		for _, c := range cells {
			if strings.TrimSpace(c) == "" {
				t.Errorf("FORMAT.md: %q has an empty cell", line)
			}
		}
	}
	return tables
}
