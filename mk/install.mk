# SPDX-License-Identifier: BSD-3-Clause
# make install PREFIX=/usr/local DESTDIR=

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR ?= $(LIBDIR)/cmake/libae
INSTALL ?= install

HEADERS := $(sort $(wildcard include/libae/*.h))
CMAKE_FILES := libaeConfig.cmake libaeConfigVersion.cmake

# What the archive needs: packages by name where they have one, the rest as flags.
PC_REQUIRES := $(if $(BLIS_PC),blis) $(if $(ZLIB_FOUND),zlib) $(if $(CJSON_FOUND),libcjson)
PC_LIBS := $(if $(BLIS_PC),,$(BLIS_LIBS) $(BLIS_STATIC_LIBS)) -lm -lpthread

# Paths below the prefix are written relative to it, so that a package can be moved.
up = $(shell realpath -m --relative-to='$(CMAKEDIR)' '$(PREFIX)')
below_prefix = $(patsubst $(PREFIX)/%,$(2)/%,$(1))
fill_in = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call below_prefix,$(LIBDIR),$(1))|' \
    -e 's|@INCLUDEDIR@|$(call below_prefix,$(INCLUDEDIR),$(1))|' -e 's|@VERSION@|$(VERSION)|' -e 's|@MAJOR@|$(MAJOR)|' \
    -e 's|@SONAME@|$(SONAME)|' -e 's|@UP@|$(up)|' -e 's|@REQUIRES_PRIVATE@|$(strip $(PC_REQUIRES))|' \
    -e 's|@LIBS_PRIVATE@|$(strip $(PC_LIBS))|' -e 's|@STATIC_LIBS@|$(strip $(DEPS_LIBS) $(BLIS_STATIC_LIBS) -lpthread)|'

.PHONY: install uninstall

install: lib ## install headers, libraries, pkg-config and CMake files: PREFIX= DESTDIR=
	$(INSTALL) -d '$(DESTDIR)$(INCLUDEDIR)/libae' '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(PKGCONFIGDIR)' '$(DESTDIR)$(CMAKEDIR)'
	$(INSTALL) -m 644 $(HEADERS) '$(DESTDIR)$(INCLUDEDIR)/libae'
	$(INSTALL) -m 644 $(STATIC) '$(DESTDIR)$(LIBDIR)'
	$(INSTALL) -m 755 $(SHARED) '$(DESTDIR)$(LIBDIR)'
	ln -sf $(notdir $(SHARED)) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libae.so'
	$(call fill_in,$${prefix}) libae.pc.in > '$(DESTDIR)$(PKGCONFIGDIR)/libae.pc'
	for f in $(CMAKE_FILES); do \
	    $(call fill_in,$${LIBAE_PREFIX}) mk/$$f.in > '$(DESTDIR)$(CMAKEDIR)'/$$f || exit 1; done

uninstall: ## remove what install put there: the same PREFIX= DESTDIR=
	rm -f $(HEADERS:include/libae/%='$(DESTDIR)$(INCLUDEDIR)/libae/%') $(CMAKE_FILES:%='$(DESTDIR)$(CMAKEDIR)/%')
	rm -f '$(DESTDIR)$(LIBDIR)'/libae.a '$(DESTDIR)$(LIBDIR)'/libae.so* '$(DESTDIR)$(PKGCONFIGDIR)/libae.pc'
	rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(INCLUDEDIR)/libae' '$(DESTDIR)$(CMAKEDIR)' 2>/dev/null || :
