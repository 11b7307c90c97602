# SPDX-License-Identifier: BSD-3-Clause
# Other processors and C libraries than the machine's own, beside check-aarch64: docs/portability.md
# tells what was tried.

PORTS := s390x riscv64 musl i386 freebsd macos
PORT_TARGETS := $(PORTS:%=check-%)

.PHONY: check-ports $(PORT_TARGETS)
check-ports: $(PORT_TARGETS) ## try libae on s390x, RISC-V 64, musl; compile for FreeBSD, macOS; be refused on i386

$(PORT_TARGETS): check-%:
	@MAKE='$(MAKE)' SUITES='$(SUITES)' scripts/check-port '$(BUILD)' $*
