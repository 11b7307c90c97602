# SPDX-License-Identifier: BSD-3-Clause
# Tests that take too long for every change. A harness adds its target: SOAKS += soak-NAME. Their
# last results stand in docs/testing.md.

KILLS ?= 300
SOAKS += soak-crash
soak-crash: $(RUNNER) ## kill training KILLS=300 times and resume it
	@AE_CRASH_KILLS=$(KILLS) $(RUNNER) crash write_faults

SOAK_SECONDS ?= 600
SOAKS += soak-mixed
soak-mixed: $(RUNNER) ## mixed work of many threads for SOAK_SECONDS=600: is anything left behind?
	@AE_SOAK_SECONDS=$(SOAK_SECONDS) CK_RUN_CASE=length $(RUNNER) concurrency

# universalmutator comes from Python's index: MUTATE names its program.
MUTANTS ?= 300
MUTATE ?= mutate
SOAKS += soak-mutants
soak-mutants: ## change lib at MUTANTS=300 places, one at a time, and see whether a suite fails
	@scripts/mutate --mutants $(MUTANTS) --mutate '$(MUTATE)'

SOAKS += soak-builds
soak-builds: ## all suites with gcc and clang, -O0 and -O3, in odd folders and other locales
	@MAKE='$(MAKE)' SUITES='$(SUITES)' scripts/check-builds

.PHONY: soak $(SOAKS)
soak: $(SOAKS) ## run the tests that take hours; each has a target of its own
