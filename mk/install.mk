# SPDX-License-Identifier: BSD-3-Clause
# make install PREFIX=/usr/local DESTDIR= ; STATIC_LIBRARY=no or SHARED_LIBRARY=no installs the other alone

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR ?= $(LIBDIR)/cmake/libae
MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install
STATIC_LIBRARY ?= yes
SHARED_LIBRARY ?= yes

HEADERS := $(sort $(wildcard include/libae/*.h))
PC_FILES := libae.pc libae-mpi.pc
CMAKE_FILES := libaeConfig.cmake libaeConfigVersion.cmake

# A page for each symbol and each type, and one for the library.
TYPES := sed -nE 's/^(typedef .*|\}) (ae_[a-z0-9_]+);$$/\2/p; s/^typedef .*\(\*(ae_[a-z0-9_]+)\).*/\1/p'
MAN_PAGES := libae.3 $(addsuffix .3,$(filter ae_%,$(shell cut -d ' ' -f 1 lib/libae.symbols) $(shell $(TYPES) $(HEADERS))))
MAN_STAMP := $(BUILD)/man/stamp

$(MAN_STAMP): $(HEADERS) scripts/man-pages
	$(say) MAN '$(@D)/*.3'
	@mkdir -p $(@D)
	$(Q)scripts/man-pages $(@D)
	@for p in $(MAN_PAGES); do test -e $(@D)/$$p || { echo "$(@D)/$$p is missing: scripts/man-pages does not read its header"; exit 1; }; done
	$(Q)touch $@

# What libae.a needs, as flags: were it packages by name (Requires.private), pkg-config would look for
# them, and pass on where their headers are, for users of the shared library as well.
STATIC_LIBS := $(strip $(DEPS_LIBS) $(BLIS_STATIC_LIBS) -lpthread)

# A path may hold blanks, quotes and whatever else a folder's name may: make's functions on words
# would take it apart, so that it goes into the shell by way of the environment alone.
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export LIBDIR := $(LIBDIR)
install uninstall: export INCLUDEDIR := $(INCLUDEDIR)
install uninstall: export PKGCONFIGDIR := $(PKGCONFIGDIR)
install uninstall: export CMAKEDIR := $(CMAKEDIR)
install uninstall: export MANDIR := $(MANDIR)
# Where the archive is there alone, a program that does not ask for --static needs its libraries too.
PUBLIC_LIBS := $(if $(filter no,$(SHARED_LIBRARY)),$(STATIC_LIBS))
fill_in = PUBLIC_LIBS='$(PUBLIC_LIBS)' VERSION=$(VERSION) MAJOR=$(MAJOR) SONAME=$(SONAME) STATIC_LIBS='$(STATIC_LIBS)' scripts/fill-in

.PHONY: install uninstall man

man: $(MAN_STAMP) ## write the manual pages into build/man: libae(3) and one for each function and type

install: lib $(MAN_STAMP) ## install headers, libraries, manual pages, pkg-config and CMake files: PREFIX= DESTDIR=; SHARED_LIBRARY=no or STATIC_LIBRARY=no
	$(Q)$(INSTALL) -d "$$DESTDIR$$INCLUDEDIR/libae" "$$DESTDIR$$LIBDIR" "$$DESTDIR$$PKGCONFIGDIR" "$$DESTDIR$$CMAKEDIR"
	$(say) INST "$$DESTDIR$$INCLUDEDIR/libae/*.h"
	$(Q)$(INSTALL) -m 644 $(HEADERS) "$$DESTDIR$$INCLUDEDIR/libae"
ifeq ($(STATIC_LIBRARY),yes)
	$(say) INST "$$DESTDIR$$LIBDIR/libae.a"
	$(Q)$(INSTALL) -m 644 $(STATIC) "$$DESTDIR$$LIBDIR"
endif
ifeq ($(SHARED_LIBRARY),yes)
	$(say) INST "$$DESTDIR$$LIBDIR/$(notdir $(SHARED))"
	$(Q)$(INSTALL) -m 755 $(SHARED) "$$DESTDIR$$LIBDIR"
	$(Q)ln -sf $(notdir $(SHARED)) "$$DESTDIR$$LIBDIR/$(SONAME)"
	$(Q)ln -sf $(SONAME) "$$DESTDIR$$LIBDIR/libae.so"
endif
	$(say) INST "$$DESTDIR$$PKGCONFIGDIR/*.pc"
	$(Q)for f in $(PC_FILES); do $(fill_in) $$f.in > "$$DESTDIR$$PKGCONFIGDIR/$$f" || exit 1; done
	$(say) INST "$$DESTDIR$$CMAKEDIR/*.cmake"
	$(Q)for f in $(CMAKE_FILES); do $(fill_in) mk/$$f.in > "$$DESTDIR$$CMAKEDIR/$$f" || exit 1; done
	$(say) INST "$$DESTDIR$$MANDIR/man3/*.3"
	$(Q)$(INSTALL) -d "$$DESTDIR$$MANDIR/man3"
	$(Q)$(INSTALL) -m 644 $(MAN_PAGES:%=$(BUILD)/man/%) "$$DESTDIR$$MANDIR/man3"

uninstall: ## remove what install put there: the same PREFIX= DESTDIR=
	$(say) RM "libae from $$DESTDIR$$PREFIX"
	$(Q)for f in $(notdir $(HEADERS)); do rm -f "$$DESTDIR$$INCLUDEDIR/libae/$$f"; done
	$(Q)for f in $(CMAKE_FILES); do rm -f "$$DESTDIR$$CMAKEDIR/$$f"; done
	$(Q)rm -f "$$DESTDIR$$LIBDIR"/libae.a "$$DESTDIR$$LIBDIR"/libae.so*
	$(Q)for f in $(PC_FILES); do rm -f "$$DESTDIR$$PKGCONFIGDIR/$$f"; done
	$(Q)for f in $(MAN_PAGES); do rm -f "$$DESTDIR$$MANDIR/man3/$$f"; done
	$(Q)rmdir --ignore-fail-on-non-empty "$$DESTDIR$$INCLUDEDIR/libae" "$$DESTDIR$$CMAKEDIR" 2>/dev/null || :
