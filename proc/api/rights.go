package api

import (
	"motile/ipc/capability"
	"motile/ipc/std"
)

// NodeRight is the right that a command to the process server of a node needs.
func NodeRight(command uint32) capability.Rights {
	switch command {
	case List, GetDef, GetLoad, Nodes, Stats, std.Info, std.Stat, std.GetParams:
		return capability.PSRRead
	case Exec, SGetLoad:
		return capability.PSRExec
	case PutFile:
		return capability.PSRCreate
	case Migrate, std.Touch:
		return 0 // of a move the process's own capability decides
	case Signal:
		return capability.PSRKill
	}
	return capability.AllRights
}

// ProcessRight is the right that a command to a process needs.
func ProcessRight(command uint32) capability.Rights {
	switch command {
	case std.Touch:
		return 0
	case Info, Wait, ReadLog, GetComment, GetOwner, std.Info, std.Stat, std.GetParams:
		return capability.PSRRead
	case Snapshot:
		return capability.PSRRead | capability.PSRMigrate
	case Signal, Stun, Resume, Lease, SetOwner, std.Destroy:
		return capability.PSRKill
	case SetComment, std.SetParams:
		return capability.PSRWrite
	}
	return capability.AllRights
}
