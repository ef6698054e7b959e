package main

import (
	"context"

	"motile/servers/cmd/operate"
)

// stdObject asks any object what every service understands.
func stdObject(ctx context.Context, words []string) error {
	f := new(flags).withJSON()
	words, err := f.Parse(words)
	if err != nil {
		return usageError{err}
	}
	q, err := operate.ParseStd(words)
	if err != nil {
		return usageError{err}
	}
	e, err := connect()
	if err != nil {
		return err
	}
	e.JSON = f.json
	return e.Std(ctx, q)
}
