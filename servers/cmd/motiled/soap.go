package main

import (
	"errors"
	"fmt"

	"motile/servers/lib"
	"motile/servers/soap"
)

const soapArgs = ""

func runSoap(args []string) error {
	if len(args) > 0 {
		return errors.New("usage: motiled soap " + soapArgs)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	v := soap.NewServer(soap.Config{Key: key, Say: func(msg string) { fmt.Println("soap:", msg) }})
	fmt.Println("soap: serving")
	return v.Serve()
}
