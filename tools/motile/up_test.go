package main

import (
	"fmt"
	"testing"

	"motile/qemu/cluster"
)

func TestUp_Directories(t *testing.T) {
	for _, test := range []struct {
		disks   []int
		servers bool
		keepers int
		want    string
	}{
		{[]int{64, 64, 64, 64}, true, 0, "[1 2 3] <nil>"},
		{[]int{64, 64, 64, 64}, true, 1, "[1] <nil>"},
		{[]int{0, 64, 64, 64, 64, 64}, true, 5, "[2 3 4 5 6] <nil>"},
		{[]int{64, 64}, true, 0, "[1] <nil>"},
		{[]int{64, 64}, true, 2, "[1 2] <nil>"},
		{[]int{0, 0, 0}, true, 0, "[] <nil>"},
		{[]int{64, 64, 64}, false, 0, "[] <nil>"},
		{[]int{64, 64}, true, 3, "[] --directories 3: give 1 to 7; 2 nodes have disks"},
		{[]int{64, 64}, true, -1, "[] --directories -1: give 1 to 7; 2 nodes have disks"},
		{[]int{64, 64, 64}, false, 3, "[] --directories: it is for --servers"},
	} {
		cmd := upCmd{Keepers: test.keepers}
		cmd.Servers = test.servers
		var specs []cluster.NodeSpec
		for _, mb := range test.disks {
			specs = append(specs, cluster.NodeSpec{DiskMB: mb})
		}
		nodes, err := cmd.directories(specs)
		if got := fmt.Sprint(nodes, err); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
