# SPDX-License-Identifier: BSD-3-Clause
# libae. `make help` lists the targets; every path below is relative to this file.
#
#     make BUILD=dir    build somewhere else          make V=1          show the commands
#     make CC=clang     another (or cross) compiler   make WERROR=1     warnings are errors
#     make HARDEN=no    without what makes attacks on faults harder (mk/flags.mk)
#     make BLIS=no      without a dependency; so ZLIB=no, PROTOBUF=no, ... (see mk/deps.mk)

BUILD ?= build
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

ifneq ($(filter setup,$(MAKECMDGOALS)),)

# `make setup check`: install what is missing first, then let a second make look for dependencies.
rest := $(filter-out setup,$(MAKECMDGOALS))
.PHONY: setup $(rest)
setup:
	@scripts/setup
$(firstword $(rest)): setup
	@$(MAKE) --no-print-directory $(rest)
$(wordlist 2,$(words $(rest)),$(rest)): $(firstword $(rest)) ; @:

else

include mk/flags.mk
include mk/deps.mk
include mk/isa.mk
include mk/proto.mk
include mk/library.mk
include mk/programs.mk
include mk/check.mk
include mk/install.mk
include mk/release.mk
include mk/ports.mk
include mk/fuzz.mk
include mk/coverage.mk
include mk/soak.mk

.PHONY: all lib help clean FORCE
FORCE:

all: lib ## build the static and the shared library (the default)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile mk/*.mk
	@printf '  %-16s %s\n' setup 'install missing packages first: make setup check, make setup mnist'

clean: ## remove the build folder
	rm -rf -- '$(BUILD)'

endif
