// Package gonotify takes signals by os/signal, and lets them be.
package gonotify
