# The table of contents of everything that one can run. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GALSYNC_LAB ?= /var/tmp/galsync-lab
export GALSYNC_LAB
CARGO ?= cargo
# One profile for tests, demo and the lab's image, so that dependencies are built once.
BINARY := target/debug/galsync

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: tools
tools: # says what is missing, and where it comes from
	@tests/tools.sh

.PHONY: build
build: tools ## the program, in the profile of the tests
	$(CARGO) build --bins

.PHONY: check
check: tools ## format, lints, dependency rules
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check bans licenses sources; \
	else echo "check: cargo-deny is not installed (cargo install cargo-deny --locked); tests/architecture/ holds its most important rules"; fi

.PHONY: check-chart
check-chart: ## what kube-score, checkov and (with KUBECONFIG) an API server say about the chart
	@charts/check.sh

.PHONY: test-fast
test-fast: tools ## all tests that need no lab
	$(CARGO) test --workspace

.PHONY: test
test: ## all tests; brings up the lab (as root) and takes it down again
	@tests/run.sh

.PHONY: soak
soak: tools ## the long tests: more cases of every property, operators and pods killed by the fifty and the thousand (as root)
	@tests/soak.sh

.PHONY: generate
generate: tools ## rewrite what is generated: CRDs, deploy/, reference pages, golden expectations
	GALSYNC_BLESS=1 $(CARGO) test --test manifests crds::
	GALSYNC_BLESS=1 $(CARGO) test --test manifests deploy::
	GALSYNC_BLESS=1 $(CARGO) test --lib --test manifests generated_

.PHONY: demo
demo: build ## the main job without a cluster: passes between two tenants in the sandbox
	@examples/demo/demo.sh $(BINARY)

.PHONY: demo-cluster
demo-cluster: ## the main job on a real Kubernetes with two real Active Directory forests (as root)
	@lab/demo.sh

.PHONY: image
image: tools ## the container image, from a release build
	$(CARGO) build --release --bin galsync
	deploy/image/build.sh target/release/galsync

include lab/lab.mk
-include bench.mk
