package linux

import (
	"reflect"
	"testing"
)

// What is said of calls is said of calls that there are; and of those that do nothing it
// is said.
func TestSupport(t *testing.T) {
	for nr := range Partial {
		if !Implemented(nr) {
			t.Errorf("call %d is partial, and not there", nr)
		}
	}
	for _, nr := range Blocking {
		if !Implemented(nr) {
			t.Errorf("call %d may wait, and is not there", nr)
		}
	}
	// Who is asked for an id says 0, and that is all there is to say.
	ids := map[int]bool{102: true, 104: true, 107: true, 108: true}
	zero, sync := reflect.ValueOf(sysZero).Pointer(), reflect.ValueOf(sysFsync).Pointer()
	for nr, h := range calls {
		if h == nil || ids[nr] {
			continue
		}
		if at := reflect.ValueOf(h).Pointer(); (at == zero || at == sync) && Partial[uint32(nr)] == "" {
			t.Errorf("call %d has no effect, and Partial does not say so", nr)
		}
	}
}
