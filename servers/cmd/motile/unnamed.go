package main

import (
	"fmt"
	"time"

	"motile/ipc/capability"
	"motile/servers/bullet/client"
	"motile/servers/lib"
	soap "motile/servers/soap/client"
)

// nameIn is how long whoever has just made a file has to enter it in a directory.
const nameIn = 30 * time.Second

// bulletUnnamed lists files of a node's disk that no directory names, or removes them.
func bulletUnnamed(b *client.Client, words []string) error {
	var f flags
	destroy := false
	f.Bool(&destroy, "destroy")
	args, err := f.Parse(words)
	if err == nil && len(args) != 1 {
		err = fmt.Errorf("unnamed wants the number of one node")
	}
	if err != nil {
		return usageError{err}
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	server, err := bulletOf(&key, args[0])
	if err != nil {
		return err
	}
	dirs := soap.New(lib.Trans, key.ServiceCap("soap", 0))
	named := func(visit func(capability.Capability)) error {
		return dirs.Walk(func(_ string, set capability.Set) {
			for _, m := range set.Members {
				visit(m.Cap)
			}
		})
	}
	list, err := b.Unnamed(server, named)
	if err == nil && destroy && len(list) > 0 {
		time.Sleep(nameIn)
		if list, err = b.StillUnnamed(server, list, named); err == nil {
			err = b.DestroyMany(server, list)
		}
	}
	if err != nil {
		return bulletError(err)
	}
	for _, c := range list {
		fmt.Println(c)
	}
	return nil
}
