package main

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"motile/ipc/fileio"
	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/tools/dissect"
)

// tables are the names and numbers, in Lua.
func tables() []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("local ETHERTYPE, VERSION, HEADER = %#x, %d, %d\n", flip.EtherType, flip.Version, flip.HeaderLen)
	p("local STD_HEADER, WHO, FILE_STATUS = %d, %d, %d\n", std.HeaderLen, fileio.WhoSize, fileio.StatSize)
	p("local FLIP_TYPES = {\n")
	for t := flip.Locate; t.String() != flip.Type(0).String(); t++ {
		p("\t[%d] = %q,\n", t, t)
	}
	p("}\nlocal PROTOS = { [%d] = \"RPC\", [%d] = \"group\", [%d] = \"raw\" }\n", flip.ProtoRPC, flip.ProtoGroup, flip.ProtoRaw)
	p("local RPC_TYPES = {\n")
	for t := rpc.Locate; t.String() != rpc.Type(0).String(); t++ {
		p("\t[%d] = %q,\n", t, t)
	}
	p("}\nlocal GROUP_TYPES = {\n")
	for t := group.Locate; t.String() != "?"; t++ {
		p("\t[%d] = %q,\n", t, t)
	}
	p("}\nlocal RECORDS = {\n")
	for t := image.TypeProcess; !strings.HasPrefix(t.String(), "type "); t++ {
		p("\t[%d] = %q,\n", t, t)
	}
	p("}\nlocal STATUSES = {\n")
	for s := std.Status(0); s > -2000; s-- {
		if name := s.String(); name != strconv.Itoa(int(s)) {
			p("\t[%d] = %q,\n", s, name)
		}
	}
	p("}\n")
	structs := map[string]reflect.Type{}
	p("local COMMANDS = {\n")
	for _, c := range dissect.Commands {
		p("\t[%d] = { name = %q, to = { %s }, request = %s, reply = %s },\n", c.Number, c.Name, classes(&c), data(c.Request, structs), data(c.Reply, structs))
	}
	p("}\n")
	p("local HELLO = %s\n", data(dissect.Hello, structs))
	p("local STRUCTS = {\n")
	writeStructs(p, structs)
	p("}\n")
	return b.Bytes()
}

func classes(c *dissect.Command) string {
	var parts []string
	for _, k := range c.Classes() {
		parts = append(parts, k+" = true")
	}
	return strings.Join(parts, ", ")
}

// data is a Data in Lua; the types of what CBOR encodes are put on a list.
func data(d dissect.Data, structs map[string]reflect.Type) string {
	if d.Form != dissect.CBOR {
		return fmt.Sprintf("{ form = %q }", d.Form)
	}
	t := reflect.TypeOf(d.Sample)
	collect(t, structs)
	return fmt.Sprintf("{ form = %q, type = %q }", d.Form, t)
}

// collect puts a struct on the list, and those in its fields.
func collect(t reflect.Type, structs map[string]reflect.Type) {
	if _, ok := structs[t.String()]; ok {
		return
	}
	structs[t.String()] = t
	for i := range t.NumField() {
		if s := structIn(t.Field(i).Type); s != nil {
			collect(s, structs)
		}
	}
}

// structIn is the struct that a field's type is made of, or nil.
func structIn(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		return t
	}
	return nil
}

func writeStructs(p func(string, ...any), structs map[string]reflect.Type) {
	names := make([]string, 0, len(structs))
	for n := range structs {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		p("\t[%q] = {\n", n)
		t := structs[n]
		for i := range t.NumField() {
			f := t.Field(i)
			number, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
			of := "nil"
			if s := structIn(f.Type); s != nil {
				of = strconv.Quote(s.String())
			}
			p("\t\t[%s] = { %q, %s },\n", number, f.Name, of)
		}
		p("\t},\n")
	}
}
