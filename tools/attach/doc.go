// Package attach joins the network of a cluster that runs on this host, for tools.
package attach
