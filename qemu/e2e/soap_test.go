package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"motile/ipc/std"
	"motile/proc/api"
	"motile/qemu/bridge"
	"motile/qemu/harness"
	soap "motile/servers/soap/client"
)

// soap is a client of the cluster's directory servers, on the host.
func (w *world) soap() *soap.Client {
	key := api.Key(w.key)
	return soap.New(w.client.Trans(w.ctx), key.ServiceCap("soap", 0))
}

// names are those of the root, but for the servers' directory.
func (w *world) names(c *soap.Client) (names []string) {
	w.t.Helper()
	l, err := c.List("/")
	w.must(err)
	for _, r := range l.Rows {
		if "/"+r.Name != soap.Servers {
			names = append(names, r.Name)
		}
	}
	return names
}

// Directories by a server on a node: the same from the host, from a shell, and after the
// server has moved.
func TestSoap_OneServer(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 2 * time.Minute})
	server := w.run(1, "/bbin/motiled", "soap")
	server.await("serving$")
	c := w.soap()
	w.must(c.Mkdir("/home"))
	w.must(c.Append("/home/node2", soap.Cap(w.client.Node(2).Capability())))
	sh := w.run(2, "/bin/sh", "-c", "mkd /home/me && put /home/me/n1 node1 && dir -l /home && std info $(get /home/me/n1) && dir /nowhere; echo end $?")
	sh.await(`^me +ffffffff:ffffffff:6 +\S+ +directory, 1 rows`)
	sh.await(`^node2 +ffffffff:ffffffff:6 +\S+ +process server of node2`)
	sh.await(`^process server of node1`)
	sh.await(`dir: listing /nowhere: there is no such name|dir: looking up /nowhere: there is no such name`)
	sh.await(`^end 1$`)
	set, err := c.Lookup("/home/me/n1")
	if w.must(err); soap.First(set) != w.client.Node(1).Capability() {
		t.Errorf("looked up %v", set)
	}
	server.move(2)
	if err := c.Append("/home/me/n1", set); !errors.Is(err, std.Exists) {
		t.Errorf("entered twice: %v", err)
	}
	w.must(c.Rename("/home/me/n1", "/n1"))
	if names := w.names(c); !slices.Equal(names, []string{"home", "n1"}) {
		t.Errorf("the root has %v", names)
	}
	key := api.Key(w.key)
	bad := key.ServiceCap("soap", 0)
	bad.Check[0]++
	if err := soap.New(w.client.Trans(w.ctx), bad).Mkdir("/x"); !errors.Is(err, std.CapBad) {
		t.Errorf("with a wrong check: %v", err)
	}
	server.await("refused: .*STD_CAPBAD")
	text, err := c.Status()
	if err != nil || !strings.Contains(text, "refused_capbad 1\n") {
		t.Errorf("%q, %v", text, err)
	}
}

// Three replicas: what is entered by one client is there for all, one node is switched
// off, the name space goes on, and a replica on the node that is booted again joins.
func TestSoap_SurvivesANode(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3, Deadline: 4 * time.Minute})
	var replicas []*program
	replica := func(n int) *program { return w.run(n, "/bbin/motiled", "soap", "--replicas", "1,2,3") }
	for n := range 3 {
		replicas = append(replicas, replica(n+1))
	}
	for _, r := range replicas {
		r.await("the group of epoch")
	}
	c := w.soap()
	c.Patience = time.Minute
	w.must(c.Mkdir("/d"))
	enter := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			w.must(c.Append(fmt.Sprintf("/d/%03d", i), soap.Cap(w.client.Node(1+i%3).Capability())))
		}
	}
	look := func(node, want int) {
		t.Helper()
		sh := w.run(node, "/bin/sh", "-c", "dir /d | wc -l; dir /d | tail -1; echo end")
		sh.await(fmt.Sprintf(`^%d$`, want))
		sh.await(fmt.Sprintf(`^%03d$`, want-1))
		sh.await("^end$")
	}
	began := time.Now()
	enter(0, 30)
	t.Logf("%v an update", (time.Since(began) / 30).Round(time.Millisecond/10))
	for n := 1; n <= 3; n++ {
		look(n, 30)
	}
	_, err := w.Kill(1)
	w.must(err)
	began = time.Now()
	enter(30, 31)
	t.Logf("the first update after the loss of a node took %v", time.Since(began).Round(time.Millisecond))
	enter(31, 50)
	look(2, 50)
	look(3, 50)
	_, err = w.Restart(w.ctx, 1, func(string) {})
	w.must(err)
	again := replica(1)
	again.await("joined the group of epoch")
	look(1, 50)
	// The one that has come back is as good as the others.
	_, err = w.Kill(2)
	w.must(err)
	enter(50, 60)
	look(1, 60)
	look(3, 60)
}

// Three replicas that keep their directories on disks. The power of all fails while a
// client enters names: each that it was told of is there afterwards, and two of the three
// are enough, though not one.
func TestSoap_PowerOfAllFails(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3, DiskMB: 64, Deadline: 5 * time.Minute})
	start := func(n int) *program {
		w.bulletOf(n)
		return w.run(n, "/bbin/motiled", "soap", "--keep", "--replicas", "1,2,3")
	}
	var replicas []*program
	for n := 1; n <= 3; n++ {
		replicas = append(replicas, start(n))
	}
	for _, r := range replicas {
		r.await("the group of epoch")
	}
	c := w.soap()
	c.Patience = time.Minute
	w.must(c.Mkdir("/d"))
	entered, began := 0, time.Now()
	enter := func(name string) error {
		return c.Append("/d/"+name, soap.Cap(w.client.Node(1).Capability()))
	}
	for ; entered < 40; entered++ {
		w.must(enter(fmt.Sprintf("%03d", entered)))
	}
	t.Logf("%v an update", (time.Since(began) / 40).Round(time.Millisecond/10))
	cut := make(chan struct{})
	told := make(chan int)
	go func() { // nobody tells it to stop but the power
		c := w.soap()
		c.Patience = 0
		n := entered
		for ; c.Append(fmt.Sprintf("/d/%03d", n), soap.Cap(w.client.Node(1).Capability())) == nil; n++ {
			if n == entered+10 {
				close(cut)
			}
		}
		told <- n
	}()
	<-cut
	for n := 1; n <= 3; n++ {
		_, err := w.Kill(n)
		w.must(err)
	}
	entered = <-told
	for n := 1; n <= 2; n++ {
		_, err := w.Restart(w.ctx, n, func(string) {})
		w.must(err)
	}
	first := start(1)
	first.await("no group yet: 1 of 3 replicas are there")
	c.Patience = 0
	if _, err := c.Lookup("/d"); err == nil {
		t.Error("one replica of three answers, and cannot know that its state is the newest")
	}
	c.Patience = time.Minute
	start(2).await("the group of epoch")
	check := func() {
		t.Helper()
		l, err := c.List("/d")
		w.must(err)
		if len(l.Rows) != entered && len(l.Rows) != entered+1 {
			t.Fatalf("%d names, %d were entered", len(l.Rows), entered)
		}
		for i := range entered {
			if l.Rows[i].Name != fmt.Sprintf("%03d", i) {
				t.Fatalf("%s where %03d should be", l.Rows[i].Name, i)
			}
		}
	}
	check()
	w.must(enter("later"))
	_, err := w.Restart(w.ctx, 3, func(string) {})
	w.must(err)
	start(3).await("joined the group of epoch")
	_, err = w.Kill(1)
	w.must(err)
	_, err = c.Lookup("/d/later")
	w.must(err)
}

// A network that keeps one of three replicas apart, first one that follows, then the one that
// orders. The two others go on; the one alone refuses updates, answers lookups by what it
// knew, and learns what it has missed when the network is whole again. At no time is a name
// entered on both sides.
func TestSoap_Partition(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3, DiskMB: 64, Deadline: 6 * time.Minute})
	replicas := make(map[int]*program)
	for n := 1; n <= 3; n++ {
		w.bulletOf(n)
		replicas[n] = w.run(n, "/bbin/motiled", "soap", "--keep", "--replicas", "1,2,3")
	}
	for _, r := range replicas {
		r.await("the group of epoch")
	}
	key := api.Key(w.key)
	at := func(n int, patience time.Duration) *soap.Client { // one replica alone is asked
		root := key.ServiceCap("soap", 0)
		root.Port = key.ServicePort("soap replica", n).Put()
		c := soap.New(w.client.Trans(w.ctx), root)
		c.Patience = patience
		return c
	}
	enter := func(n int, patience time.Duration, name string) error {
		return at(n, patience).Append("/"+name, soap.Cap(w.client.Node(n).Capability()))
	}
	w.must(enter(1, time.Minute, "before"))
	want := []string{"before"}
	same := func() {
		t.Helper()
		for n := 1; n <= 3; n++ {
			if names := w.names(at(n, time.Minute)); !slices.Equal(names, want) {
				t.Fatalf("replica %d has %v, want %v", n, names, want)
			}
		}
	}
	for _, alone := range []int{3, 1, 2} {
		others := slices.DeleteFunc([]int{1, 2, 3}, func(n int) bool { return n == alone })
		// The host is on both sides.
		_, err := w.Bridge().SetFaults(bridge.Faults{Partition: fmt.Sprintf("%d,%d/%d", others[0], others[1], alone)})
		w.must(err)
		refused := make(chan error, 1)
		go func() { refused <- enter(alone, 0, fmt.Sprintf("alone-%d", alone)) }()
		began := time.Now()
		for i, n := range others {
			name := fmt.Sprintf("without-%d-%d", alone, i)
			w.must(enter(n, time.Minute, name))
			want = append(want, name)
		}
		slices.Sort(want)
		t.Logf("without replica %d: two updates in %v", alone, time.Since(began).Round(time.Millisecond))
		if err := <-refused; !errors.Is(err, std.SoapUnavail) {
			t.Errorf("replica %d alone: %v", alone, err)
		}
		replicas[alone].await("left the group of epoch")
		c := at(alone, 0)
		if _, err := c.Lookup("/before"); err != nil {
			t.Errorf("replica %d alone: %v", alone, err)
		}
		if _, err := c.Lookup(fmt.Sprintf("/without-%d-0", alone)); !errors.Is(err, std.NotFound) {
			t.Errorf("replica %d cannot know of that: %v", alone, err)
		}
		_, err = w.Bridge().SetFaults(bridge.Faults{})
		w.must(err)
		replicas[alone].await("joined the group of epoch")
		same()
	}
}

// Clients on all nodes keep what they look up. What somebody changes they all see changed
// when he is told that it is done; one of them moves meanwhile. And how fast it all is.
func TestSoap_Kept(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3, Deadline: 4 * time.Minute})
	for n := 1; n <= 3; n++ {
		w.run(n, "/bbin/motiled", "soap", "--replicas", "1,2,3")
	}
	c := w.soap()
	c.Patience = time.Minute
	w.must(c.Enter("/server/x", soap.Cap(w.client.Node(1).Capability())))
	var clients []*program
	for n := 1; n <= 3; n++ {
		p := w.run(n, "/test/soapclient")
		p.await("ready")
		clients = append(clients, p)
	}
	hits := 0
	for round := range 12 {
		pid := int32(1_000_100 + round) // nobody's: its capability has a number that we know
		key := api.Key(w.key)
		w.must(c.Enter("/server/x", soap.Cap(key.ProcessCap(pid))))
		for _, p := range clients {
			for range 3 {
				p.send("get /server/x\n")
			}
		}
		hits = 0
		for _, p := range clients {
			for i := range 3 {
				m := p.await(`^/server/x is (\d+), hits (\d+)$`)
				if m[1] != fmt.Sprint(pid) {
					t.Fatalf("round %d: %s, and it was changed to %d before", round, m[0], pid)
				}
				if i == 2 {
					n, _ := strconv.Atoi(m[2])
					hits += n
				}
			}
		}
		if round%4 == 3 {
			clients[0].move(2 + round%2)
		}
	}
	t.Logf("%d of %d lookups were answered by what was kept", hits, 12*9)
	if hits < 12*3 {
		t.Errorf("%d of %d lookups only were answered by what was kept", hits, 12*9)
	}
	clients[2].send("load 50\n")
	for _, what := range []string{"entered", "looked up", "kept", "deleted"} {
		t.Log(clients[2].await(what + `: (\d+) a second`)[0])
	}
}
