package sim

import (
	"strings"
	"testing"

	"motile/ipc/std"
)

// The journal says no to each way in which a log can be wrong.
func TestJournal(t *testing.T) {
	const sent = 4 // messages 1 to 4
	for name, c := range map[string]struct {
		wants string // in the first error; "": none
		do    func(j *Journal, a, b *diary)
	}{
		"one order": {"", func(j *Journal, a, b *diary) {
			j.received(a, 3, 1)
			j.received(b, 3, 1)
			j.received(a, 5, 2)
			j.end("a", 2, std.OK, 5)
		}},
		"one falls behind": {"", func(j *Journal, a, _ *diary) { j.received(a, 3, 1); j.received(a, 4, 2) }},
		"a late one": {"", func(j *Journal, a, _ *diary) {
			j.received(a, 3, 1)
			j.received(a, 5, 2)
			j.received(j.open("late", 4), 5, 2)
		}},
		"two messages, one number": {"handed out twice", func(j *Journal, a, b *diary) { j.received(a, 3, 1); j.received(b, 3, 2) }},
		"one message, two numbers": {"two numbers", func(j *Journal, a, _ *diary) { j.received(a, 3, 1); j.received(j.open("late", 3), 4, 1) }},
		"received again":           {"two numbers", func(j *Journal, a, _ *diary) { j.received(a, 3, 1); j.received(a, 4, 1) }},
		"backwards":                {"after number", func(j *Journal, a, _ *diary) { j.received(a, 4, 1); j.received(a, 3, 2) }},
		"passed over":              {"has not received", func(j *Journal, a, b *diary) { j.received(a, 3, 1); j.received(b, 4, 2) }},
		"passed over before":       {"has not received", func(j *Journal, a, b *diary) { j.received(b, 4, 2); j.received(a, 3, 1) }},
		"nobody's":                 {"nobody sent", func(j *Journal, a, _ *diary) { j.received(a, 3, sent+1) }},
		"sent, and passed over":    {"has not received", func(j *Journal, a, _ *diary) { j.end("b", 1, std.OK, 3); j.received(a, 4, 2) }},
		"sent under another number": {"two numbers", func(j *Journal, a, _ *diary) {
			j.received(a, 3, 1)
			j.end("b", 1, std.OK, 4)
		}},
		"ended twice": {"ended twice", func(j *Journal, _, _ *diary) { j.end("b", 1, std.OK, 4); j.end("b", 1, std.OK, 4) }},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := New(1, 1)
			j := NewJournal(cluster)
			for range sent {
				j.begin()
			}
			c.do(j, j.open("a", 0), j.open("b", 0))
			switch errors := strings.Join(cluster.Errors, "\n"); {
			case c.wants == "" && errors != "":
				t.Error(errors)
			case c.wants != "" && (len(cluster.Errors) == 0 || !strings.Contains(cluster.Errors[0], c.wants)):
				t.Errorf("%q does not say %q", errors, c.wants)
			}
		})
	}
}
