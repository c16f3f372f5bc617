.PHONY: bench
bench: tools ## the benchmarks, from a release build; rewrites BENCHMARKS.md
	$(CARGO) bench --bench snapshot_diff --bench plan --bench changes --bench forests --no-fail-fast

.PHONY: bench-microsoft365
bench-microsoft365: tools ## pull and push of Microsoft 365 against the sandbox, at a limited rate: 25 minutes
	$(CARGO) bench --bench microsoft365

.PHONY: bench-scale
bench-scale: tools ## the operator with 1,000 schedules on a real API server without nodes: 15 minutes
	lab/binaries.sh kubernetes etcd
	$(CARGO) bench --bench scale
