package bridge

import "testing"

func TestInject_IsNotBelieved(t *testing.T) {
	r := newRig(t, 3, Options{})
	r.send("n1", frame(addr(2), addr(1), 0, 60))
	r.want("n2", 0)
	r.want("n3", 0)
	r.Inject(frame(addr(1), addr(3), 1, 60), frame(addr(9), addr(1), 2, 60), frame(addr(1), addr(3), 3, 60)[:5])
	r.want("n1", 1, 2) // where it is known to be; where nobody knows, everywhere
	r.want("n2", 2)
	r.want("n3", 2)
	r.send("n2", frame(addr(1), addr(2), 4, 60)) // n1 is where it was
	r.want("n1", 4)
	r.send("n1", frame(addr(3), addr(1), 5, 60)) // and nothing was learnt of n3
	r.want("n2", 5)
	r.want("n3", 5)
}
