package e2e

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var goBuild = flag.Bool("gobuild", false, "have TestGoBuild build Go programs on nodes, which takes some ten minutes")

const (
	goBuildDeadline = 25 * time.Minute // of all of it
	oneBuild        = 5 * time.Minute
	goHome          = "/srv" // on the file server, so that compilers find the same wherever they are
)

// Go's own toolchain, the host's, builds a module on a node, and goes on when compiler,
// linker, or go itself with them, are moved while they work. What comes of it is, byte
// for byte, what the host builds.
func TestGoBuild(t *testing.T) {
	if !*goBuild {
		t.Skip("it takes minutes: make gobuild")
	}
	g := newGoTree(t)
	c := newMotileFor(t, 2, goBuildDeadline)
	c.ok("up", "-n", "2", "-m", "1024", "--servers", "--disk", "1G")
	c.await("files", func() bool {
		return c.motile(nil, "sh", "1", "mount | grep /srv").status == 0 && c.motile(nil, "sh", "2", "mount | grep /srv").status == 0
	})
	start := time.Now()
	c.ok("put", g.at("go"), g.at("cache"), g.at("mod"), "1:"+goHome+"/")
	t.Logf("%d files, %d MB, put on the file server in %.1f s", g.files, g.bytes>>20, time.Since(start).Seconds())

	const compiler, linker, both = "/compile -o ", "/link -o ", "/bin/go build"
	for turn, b := range []struct {
		node  int
		await string // whose beginning is waited for
		move  string // who is moved then, to the other node
		flags []string
	}{
		{node: 2},
		{node: 2},
		{node: 2, await: compiler, move: compiler},
		{node: 2, await: linker, move: linker},
		{node: 1, await: linker, move: linker},
		{node: 2, await: linker, move: both, flags: []string{"--tree"}},
	} {
		c.goBuild(g, turn, b.node, b.await, b.move, b.flags)
	}
}

// goBuild builds a program that was not built before, and runs it.
func (c *motileCluster) goBuild(g *goTree, turn, node int, await, move string, flags []string) {
	t := c.t
	t.Helper()
	want, output := g.host(turn)
	out := fmt.Sprintf("%s/hello%d", goHome, turn)
	script := fmt.Sprintf("%s && cd %s/mod && echo '%s' >turn.go && %s/go/bin/go build %s -o %s .",
		g.env(goHome), goHome, g.turn(turn), goHome, strings.Join(goFlags, " "), out)
	cmd := c.command("sh", strconv.Itoa(node), script)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	what := ""
	if await != "" {
		what = ", " + c.moveWhileItWorks(node, await, move, flags, ended, &said)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("go build: %v\n%s", err, said.String())
		}
	case <-time.After(time.Until(start.Add(oneBuild))):
		t.Fatalf("go build takes longer than %v\n%s", oneBuild, c.motile(nil, "ps").out)
	case <-c.ctx.Done():
		t.Fatal("the test's deadline has passed")
	}
	t.Logf("go build on node %d: %.1f s%s", node, time.Since(start).Seconds(), what)
	for _, on := range []string{"1", "2"} {
		if got := c.ok("sh", on, out+" world"); got != output {
			t.Errorf("the program says %q on node %s, and %q on the host", got, on, output)
		}
	}
	if got := c.ok("sh", "1", "sha256sum <"+out); !strings.HasPrefix(got, want) {
		t.Errorf("it is another program than the host has built: %s, want %s", got, want)
	}
}

// moveWhileItWorks moves somebody when somebody has begun, and says what came of it.
func (c *motileCluster) moveWhileItWorks(node int, await, move string, flags []string, ended <-chan error, said *bytes.Buffer) string {
	t := c.t
	t.Helper()
	find := func(which string) int32 {
		all := facts[[]psFacts](c, "ps")
		i := slices.IndexFunc(all, func(p psFacts) bool {
			return strings.Contains(p.Command, which) && !strings.HasPrefix(p.Command, "sh ") && p.Node == node
		})
		if i < 0 {
			return 0
		}
		return all[i].PID
	}
	c.await(await, func() bool {
		select {
		case err := <-ended:
			t.Fatalf("go build ended before %q was seen: %v\n%s", await, err, said.String())
		default:
		}
		return find(await) != 0
	})
	pid := find(move)
	args := append(append([]string{"migrate"}, flags...), strconv.Itoa(int(pid)), strconv.Itoa(3-node))
	first, _, _ := strings.Cut(c.ok(args...), "\n")
	if !strings.Contains(first, fmt.Sprintf("on node %d", 3-node)) {
		t.Fatalf("migrate says %q", first)
	}
	return first
}

// goTree is what of the host's Go it takes to build one module, with a build cache that
// has all but the module itself.
type goTree struct {
	t     *testing.T
	dir   string
	files int
	bytes int64
}

// goFlags are those of go build: by them what is built depends on nothing but the sources.
var goFlags = []string{"-trimpath", "-buildvcs=false"}

func newGoTree(t *testing.T) *goTree {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no Go toolchain on this host: ", err)
	}
	from := strings.TrimSpace(string(root))
	g := &goTree{t: t, dir: t.TempDir()}
	g.write("mod/go.mod", "module example.org/hello\n\ngo 1.26\n")
	g.write("mod/main.go", `package main

import (
	"fmt"
	"os"
	"strings"

	"example.org/hello/words"
)

func main() {
	fmt.Println(strings.ToUpper("hello"), strings.Join(os.Args[1:], " "), turn, words.Sum(turn))
}
`)
	g.write("mod/turn.go", g.turn(-1)+"\n")
	g.write("mod/words/words.go", manyFunctions(400))
	for _, f := range []string{"VERSION", "go.env", "bin/go", "pkg/tool/linux_amd64/compile", "pkg/tool/linux_amd64/link", "pkg/tool/linux_amd64/asm",
		"src/go.mod", "src/vendor/modules.txt"} {
		g.copy(from, f)
	}
	for _, d := range []string{"pkg/include", "src/runtime/cgo"} { // the assembler includes some of that
		g.copyDir(from, d, ".h")
	}
	list := exec.CommandContext(t.Context(), filepath.Join(from, "bin/go"), "list", "-deps", "-f", "{{if .Standard}}{{.ImportPath}}{{end}}", ".")
	list.Dir, list.Env = g.at("mod"), g.environ(from)
	packages, err := list.Output()
	if err != nil {
		t.Fatal("go list: ", err)
	}
	for _, p := range strings.Fields(string(packages)) {
		g.copyDir(from, "src/"+p, "")
	}
	g.host(-1) // fills the cache
	err = filepath.WalkDir(g.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, e := d.Info()
			if err = e; err == nil {
				g.files++
				g.bytes += info.Size()
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// manyFunctions is a package that takes a compiler a while.
func manyFunctions(n int) string {
	var b strings.Builder
	b.WriteString("package words\n\nfunc Sum(n int) (s int) {\n\tfor _, f := range all {\n\t\ts += f(n)\n\t}\n\treturn s\n}\n\nvar all = []func(int) int{")
	for i := range n {
		fmt.Fprintf(&b, "f%d, ", i)
	}
	b.WriteString("}\n")
	for i := range n {
		fmt.Fprintf(&b, "\nfunc f%d(n int) (s int) {\n\tfor i := range %d {\n\t\tif s += i * n; s%%7 == %d {\n\t\t\ts ^= i<<3 | n\n\t\t}\n\t}\n\treturn s\n}\n", i, i%13+3, i%7)
	}
	return b.String()
}

func (g *goTree) at(name string) string { return filepath.Join(g.dir, name) }

func (g *goTree) turn(n int) string { return fmt.Sprintf("package main; const turn = %d", n) }

// env is how a shell sets what go needs to know.
func (g *goTree) env(home string) string {
	return fmt.Sprintf("export GOROOT=%s/go GOCACHE=%s/cache GOPATH=%s/gopath GOTMPDIR=%s CGO_ENABLED=0 GOTOOLCHAIN=local GOTELEMETRY=off GOENV=off GOPROXY=off GOFLAGS= GOOS= GOARCH= GOAMD64= GOWORK=off GODEBUG= GOEXPERIMENT=",
		home, home, home, home)
}

// environ is the same for a program of the host.
func (g *goTree) environ(root string) []string {
	env := strings.Fields(strings.TrimPrefix(g.env(g.dir), "export "))
	return append(env, "GOROOT="+root, "PATH="+os.Getenv("PATH"), "HOME="+g.dir)
}

// host builds on the host. It returns the program's digest, and what it says.
func (g *goTree) host(turn int) (digest, output string) {
	t := g.t
	t.Helper()
	g.write("mod/turn.go", g.turn(turn)+"\n")
	program := g.at("hello")
	cmd := exec.CommandContext(t.Context(), g.at("go/bin/go"), append(append([]string{"build"}, goFlags...), "-o", program, ".")...)
	cmd.Dir, cmd.Env = g.at("mod"), g.environ(g.at("go"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build on the host: %v\n%s", err, text)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), program, "world").Output()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b)), string(text)
}

func (g *goTree) write(name, text string) {
	g.t.Helper()
	if err := os.MkdirAll(filepath.Dir(g.at(name)), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(g.at(name), []byte(text), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

// copy copies a file of the host's Go.
func (g *goTree) copy(from, name string) {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		g.t.Fatal(err)
	}
	g.write("go/"+name, string(b))
	if strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "pkg/tool/") {
		err = os.Chmod(g.at("go/"+name), 0o755)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// copyDir copies the files of a directory, without tests, whose names end so.
func (g *goTree) copyDir(from, name, suffix string) {
	g.t.Helper()
	list, err := os.ReadDir(filepath.Join(from, name))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, e := range list {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), suffix) && !strings.HasSuffix(e.Name(), "_test.go") {
			g.copy(from, name+"/"+e.Name())
		}
	}
}
