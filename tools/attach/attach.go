package attach

import (
	"context"
	"errors"

	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/tools/flipnode"
)

// Attachment is a tool's place on the cluster's network.
type Attachment struct {
	Cluster *cluster.Client
	Flip    *flipnode.Node
	Client  *client.Client
}

// Open attaches to the cluster in a folder.
func Open(ctx context.Context, dir cluster.Dir) (*Attachment, error) {
	cl, err := cluster.Connect(dir)
	if err != nil {
		return nil, err
	}
	a := &Attachment{Cluster: cl}
	if err := a.open(ctx, dir); err != nil {
		cl.Close()
		return nil, err
	}
	return a, nil
}

func (a *Attachment) open(ctx context.Context, dir cluster.Dir) error {
	s, err := a.Cluster.Status(ctx)
	if err != nil {
		return err
	}
	if s.Initrd == "" {
		return errors.New("the nodes have no boot archive, and so neither key nor programs: start the cluster with --initrd")
	}
	key, err := dir.LoadKey()
	if err != nil {
		return err
	}
	if a.Flip, err = flipnode.DialMTU(s.Hosts, smallestMTU(s)); err != nil {
		return err
	}
	a.Client = client.New(a.Flip, key)
	return nil
}

// smallestMTU is what every card on our network, the first, can take.
func smallestMTU(s cluster.Status) int {
	mtu := s.Nets[0].MTU
	for _, n := range s.Nodes {
		for _, card := range n.Cards {
			if card.Net == s.Nets[0].Name {
				mtu = min(mtu, card.MTU)
			}
		}
	}
	return mtu
}

// Close leaves the network.
func (a *Attachment) Close() {
	a.Flip.Close()
	a.Cluster.Close()
}
