package rpc

import (
	"os/exec"
	"strings"
	"testing"
)

// The kernel links this package and all it imports, so none of that may need an
// operating system, a clock, or the 32 MB of the cryptographic random generator.
func TestImports_FitTheKernel(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "motile/ipc/rpc").Output()
	if err != nil {
		t.Skip("go list: ", err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		switch pkg {
		case "fmt", "os", "net", "time", "log", "crypto/rand", "crypto/sha256", "crypto/aes",
			"crypto/internal/fips140/drbg", "github.com/google/gopacket":
			t.Errorf("imports %s", pkg)
		}
	}
}
