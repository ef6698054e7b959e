package api

import (
	"motile/ipc/capability"
	"motile/ipc/std"
)

// NodeRight is the right that a command to the process server of a node needs.
func NodeRight(command uint32) capability.Rights {
	switch command {
	case List, GetDef, GetLoad, Nodes, Stats, Metrics, Trace, GetFile, std.Info, std.Stat, std.GetParams:
		return capability.PSRRead
	case Exec, SGetLoad:
		return capability.PSRExec
	case PutFile, SegCreate:
		return capability.PSRCreate
	case Migrate, Explain, std.Touch:
		return 0 // of a move the process's own capability decides
	case Signal:
		return capability.PSRKill
	case MoveNext: // it sees all that processes which move have in memory
		return capability.PSRRead | capability.PSRMigrate
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

// SegmentRight is the right that a command to a segment needs.
func SegmentRight(command uint32) capability.Rights {
	switch command {
	case std.Touch:
		return 0
	case std.BulletRead, std.BulletSize, std.Info, std.Stat:
		return capability.PSRRead
	case SegWrite:
		return capability.PSRWrite
	case std.Destroy:
		return capability.PSRDelete
	}
	return capability.AllRights
}

// RegionRight is the right that a command to the memory of a process needs. It is what
// taking a snapshot needs, or more: memory holds the process's secrets, and who writes
// it decides what the process does.
func RegionRight(command uint32) capability.Rights {
	switch command {
	case std.BulletRead, std.BulletSize, std.Info:
		return capability.PSRRead | capability.PSRMigrate
	case SegWrite:
		return capability.PSRRead | capability.PSRWrite | capability.PSRMigrate
	}
	return capability.AllRights
}
