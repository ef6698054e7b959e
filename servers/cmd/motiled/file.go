package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"motile/servers/file"
	"motile/servers/lib"
)

// fileServer serves files that are in memory and gone with the process.
func fileServer(args []string) error {
	capacity := int64(64)
	switch {
	case len(args) == 2 && args[0] == "--capacity":
		n, err := strconv.ParseInt(args[1], 10, 32)
		if err != nil || n < 1 {
			return fmt.Errorf("capacity %q is no number of megabytes", args[1])
		}
		capacity = n
	case len(args) != 0:
		return errors.New("usage: motiled file [--capacity MB]")
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	s := file.New(file.Config{
		Port: key.ServicePort(file.Name, 0).Put(), Secret: key.ServiceSecret(file.Name, 0),
		Random: rand.Uint64, Capacity: capacity << 20, Now: time.Now().UnixNano(),
	})
	return file.Run(key, s, func(format string, args ...any) { fmt.Printf("file: "+format+"\n", args...) })
}
