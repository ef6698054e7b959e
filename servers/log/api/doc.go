// Package api is what clients say to the replicas of a log: codes, and stubs over
// anything that makes transactions.
package api
