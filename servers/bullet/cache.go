package bullet

import (
	"bytes"
	"container/list"

	"motile/ipc/std"
)

// cache keeps pieces of committed files in memory. They never change, so what it has is
// true as long as the file is there.
type cache struct {
	most, used int // bytes
	chunks     map[chunkKey]*chunk
	recent     list.List // of *chunk, the latest first
}

// chunkSize is what one request to the disk reads.
const chunkSize = std.DiskMost * blockSize

// overhead is what a chunk takes besides its data.
const overhead = 256

type chunkKey struct {
	f     *file
	index uint64
}

// chunk is a piece of a file. Whoever finds it missing reads it.
type chunk struct {
	chunkKey
	data    []byte
	loading bool
	failed  bool
	at      *list.Element // nil: not in the cache
}

// take returns a file's chunks, and those among them that the caller has to load and
// give back.
func (c *cache) take(f *file, from, to uint64) (all, missing []*chunk) {
	for i := from; i <= to; i++ {
		k := c.chunks[chunkKey{f, i}]
		if k == nil {
			k = &chunk{chunkKey: chunkKey{f, i}, loading: true}
			c.chunks[k.chunkKey] = k
			missing = append(missing, k)
		} else if k.at != nil {
			c.recent.MoveToFront(k.at)
		}
		all = append(all, k)
	}
	return all, missing
}

// give ends the loading of chunks. What could not be read is not kept.
func (c *cache) give(f *file, list []*chunk) {
	for _, k := range list {
		k.loading = false
		if k.data == nil {
			k.failed = true
		}
		if k.failed || f.gone {
			if c.chunks[k.chunkKey] == k {
				delete(c.chunks, k.chunkKey)
			}
			continue
		}
		c.add(k)
	}
}

// add puts a chunk in front, and drops those that were not wanted for longest.
func (c *cache) add(k *chunk) {
	k.at = c.recent.PushFront(k)
	c.used += len(k.data) + overhead
	c.shrink()
}

func (c *cache) shrink() {
	for c.used > c.most {
		c.drop(c.recent.Back().Value.(*chunk))
	}
}

func (c *cache) resize(most int) {
	c.most = most
	c.shrink()
}

func (c *cache) drop(k *chunk) {
	c.recent.Remove(k.at)
	k.at = nil
	c.used -= len(k.data) + overhead
	delete(c.chunks, k.chunkKey)
}

// keepShare of the cache is the longest file that is kept when it is made.
const keepShare = 4

// keep puts a new file in.
func (c *cache) keep(f *file, data []byte) {
	if len(data) > c.most/keepShare || f.gone {
		return
	}
	for i := uint64(0); len(data) > 0; i++ {
		n := min(len(data), chunkSize)
		key := chunkKey{f, i}
		if c.chunks[key] == nil { // nobody has begun to read it
			k := &chunk{chunkKey: key, data: data[:n]}
			if f.held == nil { // data is the request's
				k.data = bytes.Clone(k.data)
			}
			c.chunks[key] = k
			c.add(k)
		}
		data = data[n:]
	}
}

// forget drops a file's chunks. Those that somebody loads are dropped when they come.
func (c *cache) forget(f *file) {
	for i := uint64(0); i*chunkSize < f.size; i++ {
		if k := c.chunks[chunkKey{f, i}]; k != nil && k.at != nil {
			c.drop(k)
		}
	}
}
