package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/servers/bullet"
	"motile/servers/cmd/options"
	"motile/servers/lib"
)

const (
	bulletArgs  = "[--disk N] [--cache KB] [--format|--mend]"
	bulletAbout = "files that never change, on the disk of this node, or of node N; --format destroys what is on it, --mend gives damaged files up"

	// bulletThreads is how many requests are worked on at a time: those that wait for the
	// disk to be synced have one sync together.
	bulletThreads = 12
	bulletCacheKB = 8 << 10
	// bulletMemory is what there may be besides the cache before garbage is collected more
	// eagerly: each thread's buffers, of which most are never touched but all count, and what
	// was read from the disk.
	bulletMemory = bulletThreads*2*bullet.MaxData + 12<<20

	bulletAge  = time.Minute
	bulletSync = time.Second // what was committed without safety is safe after that
)

// runBullet is the file server.
func runBullet(words []string) error {
	var f options.Set
	disk, cache := "", strconv.Itoa(bulletCacheKB)
	var format, mend bool
	f.String(&disk, "disk")
	f.String(&cache, "cache")
	f.Bool(&format, "format")
	f.Bool(&mend, "mend")
	args, err := f.Parse(words)
	if err == nil && len(args) > 0 || format && mend {
		err = fmt.Errorf("usage: motiled bullet %s", bulletArgs)
	}
	if err != nil {
		return err
	}
	cacheKB, err := strconv.Atoi(cache)
	if err != nil || cacheKB < 0 {
		return fmt.Errorf("--cache %s: give kilobytes", cache)
	}
	node, err := lib.Node()
	if disk != "" {
		node, err = strconv.Atoi(disk)
	}
	if err != nil {
		return fmt.Errorf("--disk %s: give a node's number", disk)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	if err := alone(key, node); err != nil {
		return err
	}
	repair := bullet.Keep
	switch {
	case format:
		repair = bullet.Reformat
	case mend:
		repair = bullet.Mend
	}
	s, err := mountBullet(key, node, cacheKB, repair)
	if err != nil {
		return fmt.Errorf("disk of node %d: %w", node, err)
	}
	announce(key, "bullet", node)
	debug.SetMemoryLimit(int64(cacheKB)<<10 + bulletMemory)
	return serveBullet(key.ServicePort("bullet", node), s)
}

// alone finds out whether the disk has a server: two would not share it, for the second
// takes it away from the first.
func alone(key api.Key, node int) error {
	text, err := answers(key.ServiceCap("bullet", node))
	if err == nil && text != "" {
		err = fmt.Errorf("the disk of node %d has a server that answers already (%s): end that one first", node, text)
	}
	return err
}

// answers is what a server says of itself, "" if none answers. One that was lost with its
// node does not, and may yet be known: whoever says nothing for so long is lost.
func answers(server capability.Capability) (string, error) {
	const patience, tries = time.Second, 3
	for range tries {
		h := std.Header{Command: std.Info}
		h.SetCapability(server)
		var text [200]byte
		n, err := lib.TransWithin(&h, nil, text[:], patience)
		switch {
		case err == nil:
			return string(text[:n]), nil
		case errors.Is(err, std.RPCNotFound):
			return "", nil
		case !errors.Is(err, std.RPCFailure):
			return "", err
		}
	}
	return "", nil
}

func mountBullet(key api.Key, node, cacheKB int, repair bullet.Repair) (*bullet.Store, error) {
	disk, err := bullet.OpenRemote(lib.Trans, key.ServiceCap("disk", node))
	if errors.Is(err, std.NoMedium) {
		return nil, errors.New("there is none: start the cluster with --disk SIZE")
	}
	if err != nil {
		return nil, err
	}
	return bullet.Mount(disk, bullet.Config{
		Port: key.ServicePort("bullet", node).Put(), Secret: key.ServiceSecret("bullet", node),
		Random: randomNumber, CacheBytes: cacheKB << 10, Ahead: true,
		Say: func(text string) { fmt.Println("bullet:", text) },
	}, repair)
}

func randomNumber() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// serveBullet returns when the disk is no longer this server's: another has claimed it, or
// it is gone with its node. Who mounts it again finds what was committed.
func serveBullet(get capability.Port, s *bullet.Store) error {
	server := bullet.NewServer(s)
	ended := make(chan error)
	for range bulletThreads {
		go func() { ended <- bulletThread(get, server) }()
	}
	fmt.Println("bullet: serving")
	sync, age := time.NewTicker(bulletSync), time.NewTicker(bulletAge)
	for {
		select {
		case err := <-ended:
			return err
		case <-age.C:
			s.Age()
		case <-sync.C:
			s.Tick()
			if err := s.Broken(); err != nil && !errors.Is(err, std.SysErr) {
				return err
			}
		}
	}
}

// bulletThread answers requests, one after the other.
func bulletThread(get capability.Port, server *bullet.Server) error {
	reply := make([]byte, bullet.MaxData)
	return lib.Serve(get, bullet.MaxData, func(h *std.Header, request []byte) []byte {
		return server.Handle(h, request, reply)
	})
}
