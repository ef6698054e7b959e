// Package orders is what the host tells a Linux guest to do, and what that answers: a
// line of JSON each, over the guest's console.
package orders
