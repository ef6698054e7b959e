// Package movestep names the messages of a move, one by one, and tells them among the
// frames on a wire: so that a fault can strike at each of them, by one list, on
// simulated nodes and on real ones.
package movestep
