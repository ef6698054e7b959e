package main

import (
	"strconv"

	"motile/proc/api"
	"motile/servers/lib"
	soap "motile/servers/soap/client"
)

// announce enters a server in the directory of servers: by its name, and the number of its
// node if each may have one.
func announce(key api.Key, name string, node int) {
	entered := name
	if node != 0 {
		entered += "/" + strconv.Itoa(node)
	}
	go soap.Announce(lib.TransAside, key.ServiceCap("soap", 0), key.ServiceCap(name, node), entered)
}
