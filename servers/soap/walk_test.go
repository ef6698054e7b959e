package soap

import (
	"fmt"
	"slices"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	bulletclient "motile/servers/bullet/client"
	"motile/servers/soap/client"
)

// Everything that can be reached is visited once, though directories are in each other; and
// what nothing names of a disk's files is found, but not what its owner finds by a tag.
func TestWalk_UnnamedFiles(t *testing.T) {
	v, trans := alone(t)
	dirs := client.New(trans, v.cfg.Key.ServiceCap("soap", 0))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(dirs.Mkdir("/a"))
	must(dirs.Mkdir("/a/b"))
	root, err := dirs.Lookup("/")
	must(err)
	must(dirs.Append("/a/b/up", root))
	store := newPlatter().mount(t)
	b, server := store.Client, store.Server
	var files []capability.Capability
	for i := range 200 {
		f, err := b.Create(server, fmt.Append(nil, i), bulletclient.Safe)
		must(err)
		files = append(files, f)
	}
	_, err = store.Create([][]byte{{1}}, TagPart)
	must(err)
	_, err = b.Create(server, nil, bulletclient.Open)
	must(err)
	for i, f := range files[:150] { // more than one list
		must(dirs.Append(fmt.Sprintf("/a/b/%d", i), client.Cap(f)))
	}
	weak := files[150]
	weak.Rights = std.BulletRgtRead // its number says what it is
	must(dirs.Append("/weak", capability.Set{Members: []capability.Member{{Cap: object(1), Current: true}, {Cap: weak, Current: true}}}))
	named := func(visit func(capability.Capability)) error {
		return dirs.Walk(func(_ string, set capability.Set) {
			for _, m := range set.Members {
				visit(m.Cap)
			}
		})
	}
	visits := map[string]int{}
	must(dirs.Walk(func(name string, _ capability.Set) { visits[name]++ }))
	if len(visits) != 2+1+150+1 || visits["/a/b/up"] != 1 || visits["/a/b/149"] != 1 {
		t.Errorf("%d visits: %v", len(visits), visits)
	}
	list, err := b.Unnamed(server, named)
	must(err)
	if !slices.Equal(list, files[151:]) {
		t.Fatalf("%d files are without a name, want %d", len(list), len(files[151:]))
	}
	must(dirs.Append("/late", client.Cap(list[7])))
	still, err := b.StillUnnamed(server, list, named)
	must(err)
	if len(still) != len(list)-1 || slices.Contains(still, list[7]) {
		t.Errorf("%d are still", len(still))
	}
	must(b.DestroyMany(server, still))
	if list, err = b.Unnamed(server, named); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	// Without the directories nothing is known, and nothing is without a name.
	lost := func(func(capability.Capability)) error { return std.RPCNotFound }
	if list, err := b.Unnamed(server, lost); err == nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
