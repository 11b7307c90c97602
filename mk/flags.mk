# SPDX-License-Identifier: BSD-3-Clause
# Compiler, warnings, sanitizers. CFLAGS and LDFLAGS are the user's.

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O3 -g

TRIPLE := $(shell $(CC) -dumpmachine)
HOST := $(shell gcc -dumpmachine 2>/dev/null || cc -dumpmachine)
ARCH := $(firstword $(subst -, ,$(TRIPLE)))
ifneq ($(ARCH),$(firstword $(subst -, ,$(HOST))))
CROSS := $(TRIPLE)-
endif
ifeq ($(origin AR),default)
AR := $(CROSS)ar
endif
NM ?= $(CROSS)nm
STRIP ?= $(CROSS)strip

# A cross compiler's packages: its own pkg-config, or the plain one sent where Debian puts them.
PKG_CONFIG ?= $(if $(CROSS),$(or $(shell command -v $(CROSS)pkg-config),env PKG_CONFIG_LIBDIR=$(CROSS_PC) pkg-config),pkg-config)
CROSS_PC := /usr/lib/$(shell $(CC) -print-multiarch 2>/dev/null)/pkgconfig:/usr/share/pkgconfig

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wredundant-decls -Wcast-qual -Wundef -Wvla
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

# SANITIZE=address,undefined or thread; errors end the program, so that a test sees them.
SANITIZE ?=
ifneq ($(SANITIZE),)
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

# HARDEN=no leaves these out. What the compiler does not know for this processor is left out, and so
# is _FORTIFY_SOURCE where it cannot work or the user has set it. Sanitizers look closer, and gcc 12
# misaligns vectors on the stack where it protects a stack that the address sanitizer has laid out.
# scripts/check-hardening looks for all of them in libae.so.
HARDEN ?= yes
cc_option = $(shell echo 'int x;' | $(CC) -Werror $(1) -c -x c - -o /dev/null 2>/dev/null && echo '$(1)')
ifeq ($(HARDEN)$(SANITIZE),yes)
HARDENING := -fstack-protector-strong $(call cc_option,-fstack-clash-protection) \
    $(call cc_option,$(if $(filter aarch64,$(ARCH)),-mbranch-protection=standard,-fcf-protection))
ifeq ($(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),)
HARDENING += $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif
HARDENED_LDFLAGS := -Wl,-z,relro,-z,now,-z,noexecstack
endif

# Sizes are of 64 bits, and a float is computed as a float: s390x's gcc has to be told the latter.
compiler_says = $(shell echo $(1) | $(CC) -std=c11 $(2) $(CPPFLAGS) $(CFLAGS) -E -P -x c - 2>/dev/null)
ifneq ($(filter-out 8,$(call compiler_says,__SIZEOF_SIZE_T__)),)
$(error libae needs a processor with 64-bit sizes: $(CC) is for $(TRIPLE))
endif
FLOATS := $(if $(filter 0,$(call compiler_says,__FLT_EVAL_METHOD__)),,$(call cc_option,-fexcess-precision=fast))
ifneq ($(filter-out 0,$(call compiler_says,__FLT_EVAL_METHOD__,$(FLOATS))),)
$(error $(CC) for $(TRIPLE) computes floats in wider numbers, which gives other results than elsewhere)
endif

# Where the sources lie must not show in what is built of them.
SAME_BYTES := '$(subst ','\'',-ffile-prefix-map=$(CURDIR)=.)'

# Products and sums stay apart, so that every compiler gives the same bits; kernels ask for
# fused ones themselves (mk/isa.mk).
BASE_CFLAGS = -std=c11 $(WARNINGS) -ffp-contract=off $(FLOATS) -pthread $(HARDENING) $(SAME_BYTES) $(SANITIZE_FLAGS) \
    -Iinclude
BASE_LDFLAGS = -pthread $(HARDENED_LDFLAGS) $(SANITIZE_FLAGS)

VERSION_H := include/libae/version.h
version_part = $(shell sed -n 's/^.define AE_VERSION_$(1) *\([0-9]*\).*/\1/p' $(VERSION_H))
MAJOR := $(call version_part,MAJOR)
VERSION := $(MAJOR).$(call version_part,MINOR).$(call version_part,PATCH)

ifeq ($(V),1)
say = @:
Q :=
else
say = @printf '  %-5s %s\n'
Q := @
endif

# $(call stamp,name,text): a file that changes when text does, for objects to depend on. Whether
# warnings are errors changes no object.
define stamp
$(BUILD)/stamp/$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(subst ','\'',$(filter-out -Werror,$(2)))' | cmp -s - $$@ || printf '%s\n' '$(subst ','\'',$(filter-out -Werror,$(2)))' > $$@
endef
