.PHONY: bench
bench: tools ## the benchmarks, from a release build; rewrites BENCHMARKS.md
	$(CARGO) bench --bench snapshot_diff --bench plan --bench changes --no-fail-fast
