package proc

import "testing"

// A thread that is woken runs before those whose slice ended, and behind them where woken
// threads go last.
func TestWake_FirstOrLast(t *testing.T) {
	for _, last := range []bool{false, true} {
		tb := NewTable(1, 1)
		tb.WokenLast = last
		computes, waits := tb.New(nil).Leader(), tb.New(nil).Leader()
		tb.Start(computes)
		waits.state = Waiting
		tb.wake(waits)
		if tb.Urgent() == last {
			t.Errorf("last %v: a woken thread is urgent: %v", last, tb.Urgent())
		}
		want := []*Thread{waits, computes}
		if last {
			want = []*Thread{computes, waits}
		}
		for i := range want {
			if got := tb.Next(); got != want[i] {
				t.Errorf("last %v: thread %d is %v, want %v", last, i, got, want[i])
			}
		}
	}
}
