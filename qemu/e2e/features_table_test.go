package e2e

// manner is how a feature differs from the others.
type manner struct {
	residual     bool              // it moves only if what is node-local may stay behind
	childrenStay bool              // its children are not moved: they live too short
	motileOnly   string            // why it does not run on the host's Linux
	unless       map[string]string // why an event does not apply
}

var manners = map[string]manner{
	"shared-memory": {unless: familyMoves},
}

var familyMoves = map[string]string{
	"move":            "relatives that share memory move as a tree only",
	"ten-moves":       "relatives that share memory move as a tree only",
	"move-under-loss": "relatives that share memory move as a tree only",
}
