package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"

	"motile/servers/ip"
	"motile/servers/lib"
	soap "motile/servers/soap/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ipd:", err)
		os.Exit(1)
	}
}

// heap is what the server's memory may grow to: connections give way before the node does.
const heap = 48 << 20

func run() error {
	addr := flag.String("addr", "10.0.2.15/24", "address of the card to the outside, and its network")
	gateway := flag.String("gateway", "10.0.2.2", "where other networks are reached")
	node := flag.Int("node", 0, "the node that has the card (default: this one)")
	loopback := flag.Bool("loopback", false, "have no card: the server reaches only itself")
	flag.Parse()
	prefix, err := netip.ParsePrefix(*addr)
	if err != nil {
		return err
	}
	gate, err := netip.ParseAddr(*gateway)
	if err != nil {
		return err
	}
	if !prefix.Addr().Is4() || !gate.Is4() {
		return fmt.Errorf("%v, %v: only IPv4 is served", prefix, gate)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	if *node == 0 {
		if *node, err = lib.Node(); err != nil {
			return err
		}
	}
	debug.SetMemoryLimit(heap)
	s := ip.New(&key, *node, func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) })
	if err := s.AddLoopback(); err != nil {
		return err
	}
	if *loopback {
		fmt.Println("ipd: no network to the outside")
		return s.Run()
	}
	if err := s.AddOutside(key.ServiceCap("nic", *node), prefix, gate); err != nil {
		return err
	}
	fmt.Printf("ipd: %v by %v\n", prefix, gate)
	go soap.Announce(lib.TransAside, key.ServiceCap("soap", 0), key.ServiceCap("ip", *node), fmt.Sprint("ip/", *node))
	return s.Run()
}
