# `make help` lists the targets. Each is a thin call of a script that can be run by itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PRESET ?= dev
CLUSTER := e2e/cluster/cluster

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

.PHONY: setup
setup: ## install what building and testing needs (Debian 12, root)
	@tools/setup

.PHONY: build
build: setup ## compile everything (PRESET=dev|release|asan-ubsan|tsan)
	@cmake --preset $(PRESET) --log-level=ERROR >/dev/null
	@cmake --build --preset $(PRESET)

.PHONY: unit
unit: build ## run the unit tests (PRESET=dev|asan-ubsan|tsan)
	@ctest --preset $(PRESET) -LE conformance

.PHONY: operator
operator: PRESET := release
operator: build ## compile what ships

.PHONY: images
images: operator ## build the container images into build/images
	@images/build

.PHONY: cluster-up
cluster-up: setup ## start the embedded one-node cluster
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## stop it and leave nothing behind
	@$(CLUSTER) down

.PHONY: cluster-status
cluster-status: ## tell how it is
	@$(CLUSTER) status

.PHONY: demo
demo: images cluster-up ## install Cloister on the embedded cluster and watch a sandbox live and end
	@e2e/demo

.PHONY: test
test: setup ## everything that must hold: linters, unit, conformance, end to end
	@tools/test

.PHONY: test-full
test-full: setup ## test, and what takes hours: clang-tidy, thread sanitizer, fuzzing, mutants, a hundred thousand simulated clusters
	@tools/test --full

.PHONY: lint
lint: setup ## formatting, static analysis, generated files
	@tools/lint

.PHONY: format
format: ## format the C++ sources in place
	@git ls-files --cached --others --exclude-standard '*.cc' '*.h' | xargs clang-format-19 -i

.PHONY: bench-start
bench-start: images cluster-up ## cold starts beside a bare pod and agent-sandbox; writes per start; idle footprint
	@bench/start

.PHONY: bench-load
bench-load: setup
	@cmake --preset release -DCLOISTER_BENCHES=ON --log-level=ERROR >/dev/null
	@cmake --build --preset release --target cloister-operator cloister-load

.PHONY: bench-claims
bench-claims: bench-load ## warm starts beside agent-sandbox and the bare writes; latency over rate, writes, CPU, memory
	@bench/claims

.PHONY: bench-scale
bench-scale: bench-load ## ten thousand sandboxes: memory of each, restart, idleness; a large pool beside a small one
	@bench/scale

.PHONY: bench-snapshot
bench-snapshot: images cluster-up ## snapshots and forks beside runsc by hand and cold starts; SOAK=1000: so many in a row
	@bench/snapshots --soak $(or $(SOAK),20)

.PHONY: profile
profile: bench-load ## count anew what warm starts run, for the release build to go by (docs/decisions/0013)
	@tools/profile

SEEDS ?= 2000
.PHONY: sim
sim: setup ## run the operator in the simulation: stories disturbed everywhere, then SEEDS times from different seeds
	@cmake --preset release -B build/sim -DCLOISTER_TESTS=ON --log-level=ERROR >/dev/null
	@cmake --build build/sim --target cloister-sim
	@build/sim/tests/sim/cloister-sim --stories --jobs $$(nproc)
	@build/sim/tests/sim/cloister-sim --seeds $(SEEDS) --jobs $$(nproc)

SECONDS_EACH ?= 300
.PHONY: fuzz
fuzz: setup ## make up inputs for what reads foreign ones, SECONDS_EACH for each target
	@tools/fuzz --seconds $(SECONDS_EACH)

.PHONY: sim-coverage
sim-coverage: setup ## which branches of the operator's decisions the simulation meets, under each kind of fault
	@tools/sim-coverage

.PHONY: mutants
mutants: setup ## break the operator in many small ways, one at a time, and see that the tests notice
	@tests/mutants/mutants

.PHONY: clean
clean: ## remove what was built in this checkout (not the cache)
	@rm -rf build
