# Sourced by the scripts that show something: a cluster of their own, what is typed
# in a shell on it, and what that shows. They run from the top of the tree.

motile() { bin/motile --dir "$stage/cluster" "$@"; }

# set_stage makes a folder for a cluster, and sees to it that nothing is left of
# either at the end.
set_stage() {
	stage=$(mktemp -d "${TMPDIR:-/tmp}/motile.XXXXXX")
	shown=$stage/shown
	console=
	: >"$shown"
	trap 'strike' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# strike takes the stage down. Whatever is asked for meanwhile, it does that first.
strike() {
	status=$?
	trap '' INT TERM HUP
	trap - EXIT
	if [ -n "$console" ]; then
		exec 3>&-
		wait "$console" || true
	fi
	motile down 2>/dev/null || true
	rm -rf "$stage"
	exit "$status"
}

quietly= # not empty: what is shown is only kept
plain='s/\r//g; s/\x1b\[6n//g'

# sit runs a command with a shell behind it: what is typed goes there, what it shows
# comes here. Terminals that are asked where the cursor is would answer, later, to
# whoever reads then: that question is not shown.
sit() {
	mkfifo "$stage/keys"
	if [ -n "$quietly" ]; then
		motile "$@" <"$stage/keys" 2>&1 | sed -u "$plain" >>"$shown" &
	else
		motile "$@" <"$stage/keys" 2>&1 | sed -u "$plain" | tee -a "$shown" &
	fi
	console=$!
	exec 3>"$stage/keys"
}

# keys types a line.
keys() { printf '%s\r' "$1" >&3; }

# see waits until something is shown behind what the last see found.
seen=0
see() {
	tries=0
	until line=$(tail -n "+$((seen + 1))" "$shown" | grep -n -m 1 -e "$1"); do
		tries=$((tries + 1))
		if [ "$tries" -gt 600 ]; then
			echo "${0##*/}: waited for \"$1\" in vain" >&2
			exit 1
		fi
		sleep 0.1
	done
	seen=$((seen + ${line%%:*}))
}
