package linux_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"motile/kernel/linux/linuxtest"
)

func TestMain(m *testing.M) {
	linuxtest.HostMain()
	flag.Set("rapid.seed", "1") // the same every time; -rapid.seed on the command line wins
	flag.Set("rapid.nofailfile", "true")
	memory := flag.String("memory", "", "run only with memory that is here, at-once, later (linuxtest.Absence)")
	flag.Parse()
	if *memory != "" {
		linuxtest.Memory = absences[*memory]
		os.Exit(m.Run())
	}
	code := m.Run()
	for _, how := range []string{"later"} {
		if code != 0 || flag.Lookup("test.bench").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" {
			break
		}
		fmt.Printf("once more, with memory that is away and comes %s (-memory=%[1]s):\n", how)
		linuxtest.Memory = absences[how]
		code = m.Run()
	}
	os.Exit(code)
}

var absences = map[string]linuxtest.Absence{"here": linuxtest.Here, "at-once": linuxtest.AtOnce, "later": linuxtest.Later}
