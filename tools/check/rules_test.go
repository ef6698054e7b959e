package check

// imports says which of our own packages a package may import, and all that is
// below those. The longest prefix of the package's path has the say. Below such a
// prefix packages may import each other, and tests may import anything.
var imports = map[string]string{
	// Vocabulary, and machines that step: they stand on nothing that runs.
	"boot/info":       "",
	"kernel/abi":      "",
	"kernel/trace":    "",
	"kernel/wait":     "",
	"ipc":             "ipc",
	"ipc/sim":         "ipc migrate", // what moves, moves by the real protocol
	"netdev":          "",
	"migrate/siphash": "",
	"migrate/image":   "kernel/abi ipc/capability ipc/std",
	"migrate":         "migrate ipc/capability ipc/std kernel/abi",

	// The machine, and what makes it bearable.
	"boot/rt":       "boot/info kernel/abi kernel/hw",
	"kernel/hw":     "kernel/abi",
	"kernel/vm":     "kernel/abi kernel/hw kernel/wait",
	"kernel/tty":    "kernel/abi",
	"netdev/virtio": "netdev kernel/hw",

	// Processes, and what they see.
	"kernel/object":   "kernel/abi kernel/tty kernel/vm kernel/wait ipc",
	"kernel/fs":       "kernel/abi kernel/hw kernel/object kernel/vm kernel/wait ipc/capability",
	"proc":            "kernel/abi kernel/object kernel/vm kernel/wait migrate ipc",
	"proc/api":        "ipc",
	"proc/api/client": "proc/api ipc migrate/image migrate/checkpoint kernel/abi",
	"kernel/linux":    "kernel/abi kernel/fs kernel/object kernel/trace kernel/tty kernel/vm kernel/wait proc ipc",

	// What joins them. A node reads page frames, which exist on the host too; only
	// the kernel's main package knows the machine.
	"kernel/node":            "kernel/abi kernel/fs kernel/hw kernel/linux kernel/object kernel/trace kernel/tty kernel/vm kernel/wait proc ipc migrate netdev",
	"kernel/motile":          "boot/info boot/rt kernel proc ipc migrate netdev",
	"kernel/linux/linuxtest": "kernel proc",

	// Programs of nodes: they see the kernel by its calls and messages only.
	"servers":    "servers ipc kernel/abi proc/api migrate/image migrate/checkpoint",
	"qemu/guest": "qemu/guest servers ipc kernel/abi proc/api",

	// Programs of the host. boot/pvh is part of the build.
	"boot/pvh": "",
	"qemu":     "qemu ipc proc/api netdev tools/mkarchive/archive tools/flipnode migrate",
	// Captures for tests come from simulated nodes.
	"tools/dissect/dissecttest": "kernel proc ipc migrate netdev qemu/bridge/pcapng",

	// The table of calls is what it prints.
	"tools/support": "kernel/linux",
	"tools":         "boot/pvh boot/info ipc kernel/abi kernel/tty migrate netdev proc/api qemu servers tools",
}

// modules says which of our packages may import another's: those with one of the
// prefixes.
var modules = map[string]string{
	"github.com/alecthomas/kong": "tools",
	// Encodes the metadata of process images.
	"github.com/fxamacker/cbor/v2": "migrate/image tools qemu servers",
	// Judges whole histories of the simulator.
	"github.com/anishathalye/porcupine": "ipc/sim/lab",
	// Pages of checkpoints on disk.
	"github.com/pierrec/lz4/v4": "migrate/checkpoint",
	// It is no longer maintained, and a fork lives: one package to change.
	"github.com/google/gopacket": "qemu/bridge/pcapng",
	// Writes profiles as go tool pprof reads them.
	"github.com/google/pprof": "qemu/profile",
	// It is in the kernel's panic.
	"golang.org/x/arch": "kernel/motile tools",
	"golang.org/x/sys":  "qemu tools",
	"golang.org/x/term": "tools",
	// How CRIU's service is asked, by a Linux guest.
	"github.com/checkpoint-restore/go-criu/v7": "tools/peers/linuxguest",
	"google.golang.org/protobuf":               "tools/peers/linuxguest",
	// TCP/IP is a server's, not the kernel's.
	"gvisor.dev/gvisor/":        "servers/ip",
	"github.com/u-root/u-root/": "tools/mkarchive/archive",
}

// pure are the packages that are given time and events and return effects: what
// they do depends on nothing else, so that a whole cluster of them runs in go test
// on a seed. impure is what would change that.
var (
	pure   = []string{"ipc", "migrate"}
	impure = []string{
		"context", "crypto/rand", "log", "log/slog", "math/rand", "net", "os", "os/exec",
		"runtime", "sync", "sync/atomic", "syscall", "time", "unsafe",
	}
)

// notInKernel must not be linked into the kernel: the first takes 32 MB for its
// random numbers, the second 5 MB that every garbage collection looks through,
// the others mean that something is very wrong.
var notInKernel = []string{"crypto/internal/fips140/drbg", "github.com/google/gopacket", "net", "os/exec", "plugin"}

// unsafeIn are the packages with unsafe code, assembly and linknames in them. A
// file that imports unsafe says so in its name, *_unsafe.go.
var unsafeIn = []string{"boot/rt", "kernel/hw", "servers/lib", "qemu/guest/hostile", "qemu/bench/linuxecho", "tools/peers/linuxguest"}

// longest is how many lines a file may have.
const longest = 800
