package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"motile/qemu/webserver/content"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: webserver ADDRESS")
		os.Exit(2)
	}
	http.Handle("/", http.FileServer(http.Dir("/")))
	http.HandleFunc("/made/{bytes}", made)
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	release, once := make(chan struct{}), sync.Once{}
	http.HandleFunc("/poll", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("waiting")
		<-release
		fmt.Fprintln(w, "released")
	})
	http.HandleFunc("/release", func(http.ResponseWriter, *http.Request) { once.Do(func() { close(release) }) })
	l, err := net.Listen("tcp", os.Args[1])
	if err == nil {
		fmt.Println("serving")
		err = http.Serve(l, nil)
	}
	fmt.Fprintln(os.Stderr, "webserver:", err)
	os.Exit(1)
}

func made(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.PathValue("bytes"), 10, 64)
	if err != nil || n < 0 {
		http.Error(w, "how many bytes?", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, content.New(n))
}
