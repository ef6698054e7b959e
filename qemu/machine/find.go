package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// The QEMU that is used unless a Spec or the environment names another.
const (
	Program    = "qemu-system-x86_64"
	ProgramEnv = "MOTILE_QEMU"
)

// ErrNoQEMU tells tests to skip.
var ErrNoQEMU = errors.New(Program + " is not installed: on Debian or Ubuntu, " +
	"apt-get install -y --no-install-recommends qemu-system-x86 seabios")

// Find returns the path of QEMU: the argument, else what $MOTILE_QEMU names,
// else what $PATH has.
func Find(program string) (string, error) {
	if program == "" {
		program = os.Getenv(ProgramEnv)
	}
	if program == "" {
		path, err := exec.LookPath(Program)
		if err != nil {
			return "", ErrNoQEMU
		}
		return path, nil
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("qemu: %w", err)
	}
	return path, nil
}

var versionLine = regexp.MustCompile(`version (\d+)\.(\d+)`)

// CheckVersion refuses a QEMU that is too old for "-netdev stream".
func CheckVersion(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", path, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("%s --version says %.60q: is this QEMU?", path, out)
	}
	major, _ := strconv.Atoi(string(m[1]))
	minor, _ := strconv.Atoi(string(m[2]))
	if major < 7 || major == 7 && minor < 2 {
		return fmt.Errorf("%s is version %d.%d: Motile needs 7.2 or newer", path, major, minor)
	}
	return nil
}
