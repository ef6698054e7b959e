// Command diskio writes a node's disk and reads it again, block by block, for tests.
//
//	diskio write NODE SEED COUNT   several requests at a time; then a sync
//	diskio check NODE SEED COUNT   reads what write has written
//	diskio bad NODE                asks for what cannot be
package main
