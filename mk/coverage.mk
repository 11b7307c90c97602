# SPDX-License-Identifier: BSD-3-Clause
# Which lines and branches of lib/ do the tests reach? Without Python and MNIST, which not everybody
# has. What ran once for each level of instruction sets counts together.

COVERAGE := $(BUILD)/coverage
COVERAGE_SUITES = AE_PYTHON=/nowhere AE_DATA_DIR= CK_TIMEOUT_MULTIPLIER=10 $(MAKE) --no-print-directory \
    BUILD='$(COVERAGE)' CFLAGS='-O1 -g' CPPFLAGS='--coverage -fprofile-update=atomic' LDFLAGS=--coverage HARDEN=no

.PHONY: coverage
coverage: ## lines and branches of lib/ that the tests reach; needs gcovr
	@command -v gcovr >/dev/null || { echo 'coverage: there is no gcovr; apt-get install gcovr' >&2; exit 1; }
	@[ ! -d '$(COVERAGE)' ] || find '$(COVERAGE)' -name '*.gcda' -delete
	@$(COVERAGE_SUITES) check-suites SUITES='$(filter-out blis,$(SUITE_NAMES))'
	@# This one starts programs under limits of memory, in which the counters have no place.
	@$(COVERAGE_SUITES) check-suites SUITES=blis || echo 'coverage: suite blis failed; the lines that it reached count'
	@AE_TEST_SLOW=sanitizers $(COVERAGE_SUITES) check-isa SUITES='$(filter-out blis,$(ISA_SUITES))'
	@gcovr --root . --object-directory '$(COVERAGE)' --filter 'lib/' --exclude-unreachable-branches \
	    --txt '$(COVERAGE)/lines.txt' --json-summary '$(COVERAGE)/summary.json' --print-summary \
	    '$(COVERAGE)/obj-test'
	@echo 'coverage: $(COVERAGE)/lines.txt lists what is not reached'
