// Package dissecttest makes captures for tests of decoders. They come from simulated
// clusters: of nodes with the kernel's own code, on a virtual clock (package
// kernel/node/nodetest), so that they can be made again at any time and are what is
// spoken today.
package dissecttest
