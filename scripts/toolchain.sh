# Which Go builds Motile. Sourced by go and setup, with $top set.
#
# The kernel rests on the Go runtime, so go.mod's go line names the oldest version
# that will do. If the go in PATH is older, its module mechanism can still fetch
# that version: a whole toolchain, verified like any module, in the module cache.

GO_WANTED=$(sed -n 's/^go //p' "$top/go.mod")
GO_MODULE=golang.org/toolchain@v0.0.1-go$GO_WANTED.linux-amd64

# go_version prints the version of the go in PATH; nothing if there is none. It
# asks from / with GOTOOLCHAIN=local, so that the answer is about that very go.
go_version() {
	v=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) && echo "${v#*go}"
}

# go_suffices VERSION
go_suffices() {
	[ -n "$1" ] && printf '%s\n' "$GO_WANTED" "$1" | sort -CV
}

# go_fetched prints the GOROOT that GO_MODULE has in the module cache.
go_fetched() {
	echo "$(cd / && GOTOOLCHAIN=local go env GOMODCACHE)/$GO_MODULE"
}
