package lib

import (
	"fmt"
	"os"

	"motile/proc/api"
)

const keyFile = "/etc/motile/key"

// ClusterKey is the key of the cluster, from which servers have their ports.
func ClusterKey() (api.Key, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return api.Key{}, fmt.Errorf("no cluster key: %w (this node was started without one)", err)
	}
	key, err := api.ParseKey(string(text))
	if err != nil {
		return api.Key{}, fmt.Errorf("%s: %w", keyFile, err)
	}
	return key, nil
}
