package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"motile/proc/api"
	"motile/qemu/machine"
)

// Cluster is nodes on networks. Its methods may be called from any goroutine;
// those that change one node take turns.
type Cluster struct {
	dir   Dir
	socks sockets
	conf  Config
	lock  *lock
	owner owner
	key   api.Key
	nets  []*network // fixed; one at least
	host  *host      // nil without a boot archive

	life context.Context // cancelled by Close
	stop context.CancelCauseFunc

	mu     sync.Mutex
	nodes  map[int]*node
	last   int    // the highest number ever given
	daemon string // control socket, for state.json
	closed bool

	watchers sync.WaitGroup // of machines; started only by nodes that may still boot
	saving   sync.Mutex     // one writer of state.json
	closing  sync.Once
	closeErr error
}

var errGoingDown = errors.New("the cluster is going down")

// Open makes a folder the home of a new cluster without nodes. It cleans up
// after one that was killed, and fails with a RunningError beside one that runs.
func Open(dir Dir, conf Config) (*Cluster, error) {
	if err := conf.prepare(); err != nil {
		return nil, err
	}
	dir, err := dir.Absolute()
	if err != nil {
		return nil, err
	}
	if err := dir.create(); err != nil {
		return nil, err
	}
	l, err := dir.take()
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, conf: conf, lock: l, owner: readOwner(l.file), nodes: map[int]*node{}}
	c.life, c.stop = context.WithCancelCause(context.Background())
	if err := c.open(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) open() error {
	found, err := c.dir.recover()
	if err != nil {
		return err
	}
	if found {
		c.conf.Log.Warn("cleaned up after a cluster that was killed", "dir", c.dir)
	}
	if c.key, err = c.dir.ensureKey(); err != nil {
		return err
	}
	if err := c.makeArchive(); err != nil {
		return err
	}
	if c.socks, err = c.dir.makeSockets(); err != nil {
		return err
	}
	if err := c.openNets(); err != nil {
		return err
	}
	if c.conf.Initrd != "" {
		if err := c.openHost(); err != nil {
			return err
		}
	}
	return c.save()
}

// Dir is the cluster's folder, as an absolute path.
func (c *Cluster) Dir() Dir { return c.dir }

// Nodes lists all nodes by number, also those that are down.
func (c *Cluster) Nodes() []NodeInfo {
	var list []NodeInfo
	for _, n := range c.all() {
		list = append(list, n.snapshot())
	}
	return list
}

func (c *Cluster) all() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*node
	for _, n := range c.nodes {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *node) int { return a.number - b.number })
	return list
}

func (c *Cluster) find(number int) (*node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[number]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("node %d does not exist: the last one is node %d", number, c.last)
}

// Add makes nodes, boots them side by side and waits until all answer. Nodes
// that fail stay in the list. Progress, unless nil, is told what happens, from
// several goroutines.
func (c *Cluster) Add(ctx context.Context, specs []NodeSpec, progress func(string)) ([]NodeInfo, error) {
	nodes := make([]*node, len(specs))
	for i, s := range specs {
		var err error
		if nodes[i], err = c.admit(s); err != nil {
			c.dismiss(nodes[:i])
			return nil, err
		}
	}
	errs := make([]error, len(nodes))
	var booting sync.WaitGroup
	for i, n := range nodes {
		booting.Go(func() { errs[i] = n.boot(ctx, progress) })
	}
	booting.Wait()
	infos := make([]NodeInfo, len(nodes))
	for i, n := range nodes {
		infos[i] = n.snapshot()
	}
	return infos, errors.Join(errs...)
}

// admit gives a node a number and its ports.
func (c *Cluster) admit(spec NodeSpec) (*node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errGoingDown
	}
	n, err := newNode(c, c.last+1, spec)
	if err != nil {
		return nil, err
	}
	next := n.info
	next.Boots = 1
	if err := c.conf.machineSpec(c.socks, next).Validate(); err != nil {
		return nil, err
	}
	if err := c.plug(n.number, n.info.Cards); err != nil {
		return nil, err
	}
	c.last++
	c.nodes[n.number] = n
	return n, nil
}

// dismiss takes back what admit gave, but for the numbers, which are not used
// again.
func (c *Cluster) dismiss(nodes []*node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range nodes {
		c.unplug(n.info.Cards)
		delete(c.nodes, n.number)
	}
}

// bound returns a context that also ends when the cluster goes down.
func (c *Cluster) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(c.life, func() { cancel(errGoingDown) })
	return ctx, func() {
		unhook()
		cancel(nil)
	}
}

// Kill cuts a node's power.
func (c *Cluster) Kill(number int) (NodeInfo, error) {
	n, err := c.find(number)
	if err != nil {
		return NodeInfo{}, err
	}
	err = n.kill()
	return n.snapshot(), err
}

// Restart boots a node again, after cutting its power if it runs.
func (c *Cluster) Restart(ctx context.Context, number int, progress func(string)) (NodeInfo, error) {
	n, err := c.find(number)
	if err != nil {
		return NodeInfo{}, err
	}
	err = n.boot(ctx, progress)
	return n.snapshot(), err
}

// Console is a node's serial line, whichever machine boots as that node.
func (c *Cluster) Console(number int) (*machine.Console, error) {
	n, err := c.find(number)
	if err != nil {
		return nil, err
	}
	return n.console, nil
}

// QMP runs a command of a node's QEMU.
func (c *Cluster) QMP(ctx context.Context, number int, command string, arguments, result any) error {
	n, err := c.find(number)
	if err != nil {
		return err
	}
	p := n.running()
	if p == nil {
		return fmt.Errorf("node %d: %w", number, machine.ErrNoMachine)
	}
	return p.QMP().Execute(ctx, command, arguments, result)
}

// save brings state.json up to date.
func (c *Cluster) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	return c.dir.save(saved{Owner: c.owner, Hosts: c.socks.hosts(0), Ctl: c.daemon, Nodes: c.Nodes()})
}

// Close cuts all nodes' power, closes the bridges, removes what lives no longer
// than a cluster, and returns when all that is done.
func (c *Cluster) Close() error {
	c.closing.Do(func() { c.closeErr = c.close() })
	return c.closeErr
}

func (c *Cluster) close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop(errGoingDown)
	for _, n := range c.all() {
		n.end()
	}
	c.watchers.Wait() // or one might still save its node's state
	var errs []error
	if c.host != nil {
		errs = append(errs, c.host.close())
	}
	for _, n := range c.nets {
		errs = append(errs, n.bridge.Close())
	}
	_, err := c.dir.recover()
	c.lock.release()
	return errors.Join(append(errs, err)...)
}
