# Motile's build. `make help` lists what there is to make.
#
# Nothing here knows which sources make what: go does, and builds only what has
# changed. What a goal needs beyond make and is not installed, scripts/setup installs.

NODES    ?= 3
MEM      ?= 128
MACHINE  ?= microvm
TOPOLOGY ?=
NODE     ?= 1
DIR      ?= .motile
BENCH    ?= .
PEERS    ?= .
FUZZTIME ?= 20s

# Options that keep the outside of a build out of what it gives: paths, commits.
export GOFLAGS += -trimpath -buildvcs=false

# staticcheck takes files of two checkouts for each other when they share a cache.
export STATICCHECK_CACHE := $(CURDIR)/build/staticcheck

GO    := scripts/go
GUEST := CGO_ENABLED=0 GOOS=linux GOARCH=amd64
QUIET := $(if $(V),,@)
SAY    = @printf '%-9s%s\n' $(1) '$(2)'

# The kernel lies in the top 2 GB of the address space (see boot/pvh); the linker
# takes its address as a signed decimal only: -2145386496 is 0xffffffff80200000.
# QEMU joins pieces of translated code within a page only (docs/devel/tcg.rst, direct
# block chaining): a loop across a page boundary is looked up anew each time round, and
# which one that is changes with every build. A function of up to 256 bytes crosses none.
KERNEL_LDFLAGS := -T -2145386496 -E motile/boot/rt.kstart -funcalign 256

.PHONY: all
all: kernel archive motile flipdump ckpt ## build the kernel, the boot archive, bin/motile, bin/flipdump and bin/ckpt

# --- what is built ------------------------------------------------------------

.PHONY: kernel
kernel: | setup ## build/kernel.elf, which QEMU boots; kernel.raw is what gdb reads
	$(call SAY,GO,build/kernel.elf)
	$(QUIET)$(GUEST) $(GO) build -tags metal -ldflags '$(KERNEL_LDFLAGS)' -o build/kernel.raw ./kernel/motile
	$(QUIET)$(GO) run ./tools/mkkernel build/kernel.raw build/kernel.elf

# The names of Motile's own commands. The shell's wait is the one that knows its
# jobs; that of a process elsewhere is "motile wait".
COMMANDS := nodes metrics ps migrate drain kill stun resume checkpoint restart clone pdump logs run on resolve cap std bullet dir mkd get put del chm ren mount umount sockets interfaces

.PHONY: archive
archive: build/bbin/bb ## build/initrd.cpio, the files that a node starts with
	$(call SAY,GO,build/motile)
	$(QUIET)$(GUEST) $(GO) build -ldflags '-s -w' -o build/ ./servers/cmd/motile ./servers/cmd/motiled ./servers/cmd/replog ./servers/cmd/ipd
	$(call SAY,PACK,build/initrd.cpio)
	$(QUIET)$(GO) run ./tools/mkarchive -o build/initrd.cpio \
		dir:/root dir:/tmp dir:/home link:/sbin=bin link:/usr/bin=../bin \
		tree:/etc=servers/etc tree:/bbin=build/bbin \
		file:/bbin/motile=build/motile file:/bbin/motiled=build/motiled file:/bbin/replog=build/replog file:/bbin/ipd=build/ipd $(COMMANDS:%=link:/bbin/%=motile) \
		applets:/bin="$$(command -v busybox)"

# u-root's commands take half a minute, and change only with their module's files
# and with Go.
build/bbin/bb: servers/userland/go.mod servers/userland/go.sum servers/userland/unlinked \
		scripts/userland build/go.version
	$(call SAY,GO,build/bbin)
	$(QUIET)scripts/userland build/bbin

build/go.version: FORCE | setup
	@mkdir -p build
	@$(GO) version | cmp -s - $@ || $(GO) version >$@

# Nodes of 96 MB hold all of them, so they have no symbols; but counter has, for ckpt.
.PHONY: guests
guests: archive ## build/test.cpio, the boot archive with the tests' programs in /test
	$(call SAY,PACK,build/test.cpio)
	@rm -rf build/test && mkdir -p build/test
	$(QUIET)$(GUEST) $(GO) build -ldflags '-s -w' -o build/test/ ./qemu/guest/...
	$(QUIET)$(GUEST) $(GO) build -o build/test/ ./qemu/guest/counter
	$(QUIET)$(GUEST) $(GO) build -ldflags '-s -w' -o build/ ./qemu/webserver
	$(QUIET)scripts/guests build/guests build/test
	$(QUIET)cp servers/userland/check build/test/userland
	$(QUIET)$(GO) run ./tools/mkarchive -base build/initrd.cpio -o build/test.cpio tree:/test=build/test

.PHONY: motile
motile: | setup ## bin/motile, the way into a cluster
	$(call SAY,GO,bin/motile)
	$(call WANT,tools/motile)
	$(QUIET)CGO_ENABLED=0 $(GO) build -o bin/motile ./tools/motile

.PHONY: flipdump
flipdump: | setup ## bin/flipdump, which reads captures of the network
	$(call SAY,GO,bin/flipdump)
	$(QUIET)CGO_ENABLED=0 $(GO) build -o bin/flipdump ./tools/flipdump

.PHONY: ckpt
ckpt: | setup ## bin/ckpt, which looks inside checkpoints and running processes
	$(call SAY,GO,bin/ckpt)
	$(QUIET)CGO_ENABLED=0 $(GO) build -o bin/ckpt ./tools/ckpt

# --- what is run ----------------------------------------------------------------

.PHONY: qemu-cluster
qemu-cluster: all ## boot NODES=3 nodes of MEM=128 MB on MACHINE=microvm|pc|q35, or a TOPOLOGY=; a shell on node 1
	@exec bin/motile --dir $(DIR) up --attach $(if $(GDB),--gdb) $(if $(TOPOLOGY),--topology $(TOPOLOGY)) -n $(NODES) -m $(MEM) --machine $(MACHINE)

.PHONY: demo
demo: all ## programs and a shell walk about a cluster, with comments
	@exec scripts/demo

.PHONY: demo-group
demo-group: all ## a replicated log: its replicas move, the sequencer too, and one dies
	@exec scripts/demo-group

.PHONY: session
session: all ## print a terminal session in which a job and its shell move
	@exec scripts/session

.PHONY: gdb
gdb: | setup ## debug the kernel of NODE=1 of a cluster made with GDB=1
	$(call WANT,build/kernel.raw)
	$(call WANT,$(DIR)/sock/n$(NODE).gdb)
	@exec gdb build/kernel.raw -ex 'set substitute-path motile $(CURDIR)' \
		-ex "directory $$($(GO) env GOROOT)/src" -ex 'target remote $(DIR)/sock/n$(NODE).gdb'

# --- what is checked --------------------------------------------------------------

.PHONY: test
test: lint unit e2e ## all that a machine without root can check

# What is unused on the host may be used in the kernel, and the other way round;
# -matrix has staticcheck look at both before it complains.
.PHONY: lint
lint: | setup
	$(call SAY,LINT,host and kernel)
	$(QUIET)$(GO) vet ./...
	$(QUIET)$(GO) vet -tags metal ./...
	$(QUIET)printf 'host:\nkernel: -tags=metal\n' | $(GO) tool staticcheck -matrix ./...

# Simulated worlds run in one goroutine: there is nothing for the race detector to find
# in them, and it would make them ten times as long.
WORLDS := motile/ipc/(group|sim|sim/lab)|motile/kernel/node/nodetest

# tools/check is among these: formatting, architecture, NOTICE.
.PHONY: unit
unit: all
	$(call SAY,TEST,on the host)
	$(QUIET)$(GO) test -race $$($(GO) list ./... | grep -vxE '$(WORLDS)|motile/qemu/e2e')
	$(QUIET)$(GO) test $$($(GO) list ./... | grep -xE '$(WORLDS)')
	$(QUIET)$(GO) test -run TestExplore ./ipc/sim/lab -lab.thorough
	$(QUIET)for how in precopy reference hybrid dirty flush; do \
		$(GO) test -run 'TestStep|TestFault|TestDuring|TestTree|TestMove|TestSending|TestLock' ./kernel/node/nodetest -strategy $$how || exit 1; done
	$(QUIET)servers/userland/check build/bbin

.PHONY: e2e
e2e: all guests ## the tests that boot clusters; RUN=PATTERN picks some
	$(call SAY,TEST,in QEMU)
	$(call WANT,qemu/e2e)
	$(QUIET)$(GO) test -count=1 -timeout 60m $(if $(RUN),-run '$(RUN)' -v) ./qemu/e2e/...

.PHONY: reproducible
reproducible: all ## build again from nothing, in another place, and compare
	@scripts/reproducible

# What our driver is compared with; a host that is not Debian does without.
build/linux: scripts/linux
	@mkdir -p build
	$(QUIET)scripts/linux build/linux

build/linux-guest.cpio: FORCE guests | setup
	$(QUIET)$(MAKE) --no-print-directory build/linux || true
	$(QUIET)[ ! -d build/linux ] || { \
		$(GUEST) $(GO) build -o build/linuxecho ./qemu/bench/linuxecho && \
		$(GO) run ./tools/mkarchive -o $@ file:/init=build/linuxecho file:/webserver=build/webserver tree:/modules=build/linux/modules; }

.PHONY: bench
bench: all guests build/linux-guest.cpio ## measure speed on clusters; BENCH=calls|bulk|group|move|checkpoint|chain|prompt|files|names|posix|http|open|idle picks some
	$(QUIET)$(GO) run ./qemu/bench -run '$(BENCH)' $(BENCHFLAGS)

# What our moves are compared with, likewise.
build/peers: scripts/peers
	@mkdir -p build
	$(QUIET)scripts/peers build/peers

build/peers-guest.cpio: FORCE | setup
	@mkdir -p build
	$(QUIET)$(MAKE) --no-print-directory build/linux build/peers || true
	$(QUIET)[ ! -d build/linux ] || { \
		$(GUEST) $(GO) build -ldflags '-s -w' -o build/ ./tools/peers/linuxguest ./tools/peers/worker && \
		$(GO) run ./tools/mkarchive -o $@ file:/init=build/linuxguest file:/worker=build/worker \
			tree:/modules=build/linux/modules tree:/modules.criu=build/linux/criu $$([ ! -d build/peers ] || echo file:/criu=build/peers/root/criu tree:/lib=build/peers/root/lib tree:/lib64=build/peers/root/lib64); }

.PHONY: bench-peers
bench-peers: all guests build/peers-guest.cpio ## measure beside Linux, CRIU and QEMU's live migration; PEERS=messages|criu|live picks some
	$(QUIET)$(GO) run ./tools/peers -run '$(PEERS)' -o tools/peers/results $(PEERSFLAGS)
	$(QUIET)$(GO) run ./tools/experiments -render

EXP ?=

.PHONY: experiments
experiments: all guests ## measure moves as the papers did, and write EXPERIMENTS.md; EXP=figure1,strategies,sprite,client,chain,many,speed picks some
	$(QUIET)$(GO) run ./tools/experiments -run '$(EXP)' $(EXPFLAGS)

SEEDS ?= 10000
SEED  ?= 1

.PHONY: sim
sim: | setup ## SEEDS=10000 histories of the simulated cluster from SEED=1 on; one that fails becomes a script
	$(QUIET)$(GO) run ./tools/sim -seed $(SEED) -seeds $(SEEDS) -o build
	$(QUIET)$(GO) test -count=1 -v -run 'TestExplore|TestFaultAtEveryStep' ./ipc/sim/lab -lab.thorough

.PHONY: fuzz
fuzz: | setup ## every fuzz target for FUZZTIME=20s; FUZZ=NAME picks one
	@scripts/fuzz $(FUZZTIME) $(FUZZ)

.PHONY: golden
golden: | setup ## write anew what flipdump and tshark say of the golden capture; then read the difference
	$(QUIET)$(GO) run ./tools/wireshark tools/wireshark/amflip.lua
	$(QUIET)$(GO) test ./tools/flipdump -rewrite
	$(QUIET)$(GO) test ./tools/wireshark -rewrite

MOVES ?= 10000

.PHONY: soak
soak: all guests ## MOVES=10000 moves of mixed programs, with faults; goes on where it was stopped
	$(call WANT,scripts/soak)
	@exec scripts/soak --moves $(MOVES)

CUTS ?= 200

.PHONY: powercuts
powercuts: all guests ## CUTS=200 times the power of a node with a disk is cut under load; some seconds each
	$(QUIET)$(GO) test -count=1 -timeout 3h -run 'Test(Bullet|Files)_PowerCut$$' -v ./qemu/e2e -powercuts $(CUTS)

MB ?= 100

.PHONY: download
download: all guests ## MB=100 megabytes fetched from a web server that is moved five times meanwhile; a second each
	$(QUIET)$(GO) test -count=1 -timeout 3h -run 'TestIP_DownloadSurvivesMoves$$' -v ./qemu/e2e -download $(MB)

.PHONY: gobuild
gobuild: all ## Go's toolchain builds a program on nodes, and is moved while it works; some ten minutes
	$(QUIET)$(GO) test -count=1 -timeout 40m -run 'TestGoBuild$$' -v ./qemu/e2e -gobuild

.PHONY: conformance
conformance: all ## Go's own test programs on the host, on a cluster, and moved about; RUN=PATTERN, SAMPLE=N pick some
	$(QUIET)$(GO) run ./tools/conformance $(if $(RUN),-run '$(RUN)') $(if $(SAMPLE),-sample $(SAMPLE)) $(CONFORMANCEFLAGS)

# --- housekeeping -------------------------------------------------------------------

.PHONY: notice
notice: | setup ## write NOTICE anew
	@mkdir -p build
	$(QUIET)$(GO) run ./tools/notice >build/NOTICE && mv build/NOTICE NOTICE

.PHONY: support
support: | setup ## write SUPPORT.md anew
	$(QUIET)$(GO) run ./tools/support

.PHONY: doctor
doctor: ## what is installed, what is missing; changes nothing
	@scripts/setup -n go busybox qemu cc tshark

.PHONY: clean
clean: ## remove what make made
	rm -rf build bin

.PHONY: help
help: ## this
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## /\1	/p' Makefile | sort | awk -F'\t' '{ printf "%-14s%s\n", $$1, $$2 }'

# setup installs what the goals need.
BOOTS := qemu-cluster demo session test e2e bench bench-peers experiments soak powercuts download gobuild conformance guests
NEEDS := go busybox \
	$(if $(filter $(BOOTS),$(MAKECMDGOALS)),qemu) \
	$(if $(filter test unit e2e bench bench-peers experiments soak powercuts download guests,$(MAKECMDGOALS)),cc) \
	$(if $(filter test unit e2e golden,$(MAKECMDGOALS)),tshark) \
	$(if $(filter gdb,$(MAKECMDGOALS)),gdb)

.PHONY: setup
setup:
	@scripts/setup $(NEEDS)

# WANT says that something is missing, where a later command would say it worse.
WANT = @test -e $(1) || { echo 'make $@: there is no $(1)' >&2; exit 1; }

.PHONY: FORCE
FORCE:
