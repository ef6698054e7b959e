package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: wireshark AMFLIP.LUA")
		os.Exit(2)
	}
	if err := update(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "wireshark:", err)
		os.Exit(1)
	}
}

func update(path string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := replaceTables(old)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o644)
}

// The tables are between these lines.
var (
	begin = []byte("-- BEGIN of what tools/wireshark has written\n")
	end   = []byte("-- END of it\n")
)

// replaceTables puts the tables into the dissector's text.
func replaceTables(lua []byte) ([]byte, error) {
	i, j := bytes.Index(lua, begin), bytes.Index(lua, end)
	if i < 0 || j < i {
		return nil, errors.New("there are no lines that say where the tables go")
	}
	i += len(begin)
	return bytes.Join([][]byte{lua[:i], tables(), lua[j:]}, nil), nil
}
