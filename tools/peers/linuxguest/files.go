package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Images are copied over a connection that is there before a move begins: for each
// file the length of its name, its size and the name, and then what is in it. A name
// without length ends a folder, and is answered by a byte.

type fileHead struct {
	Name uint32
	Size uint64
}

// sendFolder copies a folder's files, but for logs, to the same place at the target.
func sendFolder(conn net.Conn, dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Type().IsRegular() && !strings.HasSuffix(f.Name(), ".log") {
			if err := sendFile(conn, filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	if err := binary.Write(conn, binary.BigEndian, fileHead{}); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

func sendFile(conn net.Conn, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head, err := binary.Append(nil, binary.BigEndian, fileHead{uint32(len(path)), uint64(info.Size())})
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(head, path...)); err != nil {
		return err
	}
	_, err = io.Copy(conn, f) // by sendfile(2)
	return err
}

// receiveFiles takes files until the connection ends. Their paths begin at root.
func receiveFiles(conn net.Conn, root string) error {
	in := bufio.NewReaderSize(conn, 256<<10)
	for {
		var head fileHead
		if err := binary.Read(in, binary.BigEndian, &head); err != nil {
			return err
		}
		if head.Name == 0 {
			if _, err := conn.Write([]byte{0}); err != nil {
				return err
			}
			continue
		}
		name := make([]byte, head.Name)
		if _, err := io.ReadFull(in, name); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(root, string(name)))
		if err != nil {
			return err
		}
		if _, err := io.CopyN(f, in, int64(head.Size)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
}
