package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"motile/servers/lib"
	soap "motile/servers/soap/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func run() error {
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	c := soap.New(lib.Trans, key.ServiceCap("soap", 0))
	c.Patience = time.Minute
	keeps := soap.New(lib.Trans, key.ServiceCap("soap", 0))
	defer keeps.Keep()()
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		switch words[0] {
		case "get":
			set, err := keeps.Lookup(words[1])
			if err != nil {
				return err
			}
			fmt.Printf("%s is %d, hits %d\n", words[1], soap.First(set).Object, keeps.Hits())
		case "load":
			n, err := strconv.Atoi(words[1])
			if err != nil {
				return err
			}
			if err := load(c, keeps, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// load measures.
func load(c, keeps *soap.Client, n int) error {
	dir := fmt.Sprintf("/load-%d", os.Getpid())
	if err := c.Mkdir(dir); err != nil {
		return err
	}
	set, err := c.Lookup(dir)
	if err != nil {
		return err
	}
	at := func(i int) string { return fmt.Sprintf("%s/%d", dir, i%n) }
	for _, m := range []struct {
		what  string
		times int
		do    func(i int) error
	}{
		{"entered", n, func(i int) error { return c.Append(at(i), set) }},
		{"looked up", 10 * n, func(i int) error { _, err := c.Lookup(at(i)); return err }},
		{"kept", 1000 * n, func(i int) error { _, err := keeps.Lookup(at(i)); return err }},
		{"deleted", n, func(i int) error { return c.Delete(at(i)) }},
	} {
		began := time.Now()
		for i := range m.times {
			if err := m.do(i); err != nil {
				return err
			}
		}
		fmt.Printf("%s: %.0f a second\n", m.what, float64(m.times)/time.Since(began).Seconds())
	}
	return c.Rmdir(dir)
}
