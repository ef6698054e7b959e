package operate

import (
	"fmt"
	"strconv"

	"motile/proc/api"
)

// ShakeOptions are those of run that have a program moved again and again.
type ShakeOptions struct {
	Every string // system calls from one point to the next; empty: it is left in peace
	By    string // move, restore, both; empty: move
	Seed  string
}

// Setting is what the options ask for, nil for nothing.
func (o *ShakeOptions) Setting() (*api.Shake, error) {
	if o.Every == "" {
		if o.By != "" || o.Seed != "" {
			return nil, fmt.Errorf("--shake-by and --shake-seed want --shake=N, the number of system calls from one move to the next")
		}
		return nil, nil
	}
	every, err := strconv.ParseUint(o.Every, 10, 31)
	if err != nil || every == 0 {
		return nil, fmt.Errorf("--shake=%s: want a number of system calls, 1 or more", o.Every)
	}
	q := &api.Shake{Every: uint32(every)}
	switch o.By {
	case "", "move":
		q.By = api.ShakeByMove
	case "restore":
		q.By = api.ShakeByRestore
	case "both":
		q.By = api.ShakeByBoth
	default:
		return nil, fmt.Errorf("--shake-by=%s: want move, restore or both", o.By)
	}
	if o.Seed != "" {
		if q.Seed, err = strconv.ParseUint(o.Seed, 10, 64); err != nil {
			return nil, fmt.Errorf("--shake-seed=%s: want a number", o.Seed)
		}
	}
	return q, nil
}

// ShakenText says what has come of it.
func ShakenText(s *api.Shaken) string {
	return fmt.Sprintf("%d moves, %d restores, %d refused", s.Moves, s.Restores, s.Refused)
}
