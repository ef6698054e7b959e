package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"motile/qemu/harness"
	"motile/tools/mkarchive/archive"
)

//go:embed testdata/userland.txt
var userlandTable string

// invocation is a line of the table.
type invocation struct {
	line   int
	words  []string // what is not compared
	differ bool     // a gap
	change bool     // it changes files
	text   string
}

// A pardon takes out of what an invocation prints what two machines must not agree in.
type pardon struct {
	why  string
	what *regexp.Regexp
	by   string
}

var pardons = map[string]pardon{
	"owner": {"nobody but root is on a node, and the host's user may be anybody",
		regexp.MustCompile(`(?m)(^[-bcdlps][-rwxst]{9} +\d+) +\S+ +\S+ +|\( *\d+/ *\S+\)`), "$1 OWNER "},
	"blocks": {"how many blocks a file takes is for its file system to say",
		regexp.MustCompile(`(?m)^total \d+|Blocks: \d+ +IO Block: \d+`), "BLOCKS"},
	"clock": {"the Go library puts the time before what it logs",
		regexp.MustCompile(`(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `), ""},
	"core": {"whether anybody keeps cores is the host's business",
		regexp.MustCompile(` \(core dumped\)`), ""},
	"inode": {"what number a file has is for its file system to say",
		regexp.MustCompile(`Device: \S+\s+Inode: \d+ *|(?m)^(Access|Modify|Change): \d.*$`), "INODE"},
}

func (i *invocation) pardoned(s string) string {
	for _, w := range i.words {
		s = pardons[w].what.ReplaceAllString(s, pardons[w].by)
	}
	return s
}

// invocations reads the table.
func invocations(t testing.TB) (all []invocation) {
	t.Helper()
	for n, text := range strings.Split(userlandTable, "\n") {
		if text == "" || text[0] == '#' {
			continue
		}
		i := invocation{line: n + 1, text: text}
		if rest, ok := strings.CutPrefix(i.text, "+ "); ok {
			i.change, i.text = true, rest
		}
		if rest, ok := strings.CutPrefix(i.text, "differs "); ok {
			i.differ, i.text = true, rest
		}
		if rest, ok := strings.CutPrefix(i.text, "["); ok && rest[0] >= 'a' && rest[0] <= 'z' {
			words, rest, _ := strings.Cut(rest, "] ")
			i.words, i.text = strings.Fields(words), rest
			for _, w := range i.words {
				if pardons[w].why == "" {
					t.Fatalf("line %d of the table: nobody knows why %q is not compared", n+1, w)
				}
			}
		}
		all = append(all, i)
	}
	return all
}

const userlandAtLeast = 80

// userlandFiles is what an invocation finds; the shell makes it.
const userlandFiles = `
umask 022
unset ENV
mkdir files && cd files || exit
printf 'pear\napple\nbanana\nplum\npear\ncherry\n' >words
printf '10\n9\n1\n200\n33\n' >numbers
sort words >sorted
printf 'apple\nbanana\nfig\n' >sorted2
printf 'one:3:x\ntwo:1:y\nthree:20:z\nfour:20:pear\n' >table
printf 'a\tb\rc\001\033[m\177\n\n\303\244\n' >control
printf '\tone\n  two\t\tthree\n' >tabs
printf 'a\r\nb\r\n' >crlf
printf 'a b\0c\0d\ne\0' >zeros
echo one >one
echo '1 + 2 * 3' >sum
printf '1d\n$a\nadded\n.\nw\nq\n' >commands
printf -- '--- words\n+++ words\n@@ -1,2 +1,2 @@\n-pear\n+quince\n apple\n' >change
printf '#!%s/bin/busybox sh\necho "$0" $# "$@"\n' ${PWD%/files} >script
chmod 755 script
seq 1 5000 >big
sha256sum words numbers >sums
mkdir -p tree/branch tree/empty tree2
echo leaf >tree/leaf
echo twig >tree/branch/twig
echo other leaf >tree2/leaf
ln -s words link
find . -exec touch -h -d '2020-01-02 03:04:05' {} +
cd ..
sleep 0.01
touch made
`

// userlandScript runs all invocations in a directory with the two programs in bin. What
// they print goes to files, between marks: their pipes and background jobs are no
// business of the script's own output.
func userlandScript(dir string, all []invocation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "export PATH=%s/bin LC_ALL=C TZ=UTC HOME=%s/home\nunset LINES COLUMNS\ncd %s || exit\n%s", dir, dir, dir, userlandFiles)
	fmt.Fprintf(&b, `run() {
	(cd $1; eval "$2") </dev/null >>out 2>>err
	printf '\n%[1]s %%s\n' $? >>out
	printf '\n%[1]s\n' >>err
}
own() {
	rm -rf own; cp -a files own
	run own "$1"
}
`, mark)
	for n, i := range all {
		how := "run files"
		if i.change {
			how = "own"
		}
		fmt.Fprintf(&b, "echo %d\n%s '%s'\n", n, how, strings.ReplaceAll(i.text, "'", `'\''`))
	}
	return b.String() + userlandEnd
}

const (
	mark = "=end="
	// userlandEnd shows what all have printed, and the files of those that change none.
	userlandEnd = `
find files -newer made
echo outputs; cat out
echo errors; cat err
echo over
exit
`
)

// came is what came of an invocation.
type came struct{ status, out, err string }

func (c came) String() string {
	return fmt.Sprintf("exit status %s, output %q, errors %q", c.status, c.out, c.err)
}

// parted takes apart what the script has printed. The progress comes first.
func parted(t *testing.T, text string, n int) []came {
	t.Helper()
	progress, text, _ := strings.Cut(text, "outputs\n")
	out, rest, _ := strings.Cut(text, "errors\n")
	outs, errs := strings.Split(out, "\n"+mark+" "), strings.Split(rest, "\n"+mark+"\n")
	if len(outs) != n+1 || len(errs) != n+1 {
		t.Fatalf("%d outputs and %d errors of %d invocations", len(outs)-1, len(errs)-1, n)
	}
	if i := strings.LastIndex(progress, fmt.Sprintf("%d\n", n-1)); !strings.HasSuffix(progress[i:], "\n") || strings.Count(progress[i:], "\n") > 1 {
		t.Errorf("what should have changed nothing has changed: %s", progress[i:])
	}
	all := make([]came, n)
	for i := range all {
		all[i].status, _, _ = strings.Cut(outs[i+1], "\n")
		_, all[i].out, _ = strings.Cut("\n"+outs[i], "\n")
		if i > 0 {
			_, all[i].out, _ = strings.Cut(outs[i], "\n")
		}
		all[i].err = errs[i]
	}
	return all
}

// The commands do the same on a node as on the host's Linux.
func TestUserland_AsOnTheHost(t *testing.T) {
	t.Parallel()
	all := invocations(t)
	if len(all) < userlandAtLeast {
		t.Fatalf("the table has %d invocations", len(all))
	}
	w := boot(t, harness.Options{Nodes: 1, Deadline: 3 * time.Minute})
	dir, err := filepath.EvalSymlinks(t.TempDir()) // the node has a directory of the same name
	w.must(err)
	script := userlandScript(dir, all)

	began := time.Now()
	p := w.run(1, "/bin/busybox", "sh")
	p.send(fmt.Sprintf("mkdir -p %[1]s/bin; ln -s /bin/busybox %[1]s/bin/busybox; ln -s /bbin/bb %[1]s/bin/bb; %s", dir, script))
	theirs := parted(t, userlandOnHost(t, dir, script), len(all))
	p.await("^over$")
	t.Logf("%d invocations in %v", len(all), time.Since(began).Round(time.Millisecond))
	var text strings.Builder
	for _, l := range p.out.all() {
		text.WriteString(l.text + "\n")
	}
	ours := parted(t, text.String(), len(all))
	for n, i := range all {
		for _, c := range []*came{&ours[n], &theirs[n]} {
			c.out, c.err = i.pardoned(c.out), i.pardoned(c.err)
		}
		switch {
		case ours[n] != theirs[n] && !i.differ:
			t.Errorf("line %d: %s\non the node: %v\non the host: %v", i.line, i.text, ours[n], theirs[n])
		case ours[n] == theirs[n] && i.differ:
			t.Errorf("line %d: %s: it does not differ any more", i.line, i.text)
		}
	}
}

// userlandOnHost runs the script here, with the programs of the archive.
func userlandOnHost(t *testing.T, dir, script string) string {
	t.Helper()
	_, initrd := harness.Built(t)
	data, err := os.ReadFile(initrd)
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"busybox": "/bin/busybox", "bb": "/bbin/bb"} {
		program, ok := a.Contents(from)
		if !ok {
			t.Fatalf("there is no %s in %s", from, initrd)
		}
		if err := os.WriteFile(filepath.Join(dir, "bin", name), program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "bin/busybox"), "sh")
	cmd.Env = []string{"PATH=/bin:/bbin:/test"}
	cmd.Stdin = strings.NewReader(script)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Logf("the host's shell: %v", err)
	}
	return out.String()
}
