# SPDX-License-Identifier: BSD-3-Clause
# What libae stands on. Each is "auto" (used if found), "yes" (an error if not found) or "no"; the
# calls that need a missing one return AE_ERROR_UNSUPPORTED.
#
#     BLIS      auto, yes, no, or one of Debian's builds: serial, pthread, openmp
#     ZLIB      gzip-compressed IDX files
#     PROTOBUF  TensorBoard event files and ONNX: libprotobuf-c and its compiler, protoc-c
#     PNG       pictures in event files
#     CAIRO     pictures, in examples/ only

BLIS ?= auto
ZLIB ?= auto
CAIRO ?= auto
PROTOBUF ?= auto
PNG ?= auto

pkg_exists = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes)
pkg_cflags = $(shell $(PKG_CONFIG) --cflags $(1))
pkg_libs = $(shell $(PKG_CONFIG) --libs $(1))

# $(call find_package,SWITCH,pkg-config name): sets SWITCH_FOUND, SWITCH_CFLAGS, SWITCH_LIBS.
define find_package
ifneq ($($(1)),no)
$(1)_FOUND := $(call pkg_exists,$(2))
ifeq ($$($(1)_FOUND),yes)
$(1)_CFLAGS := $$(call pkg_cflags,$(2))
$(1)_LIBS := $$(call pkg_libs,$(2))
else ifneq ($($(1)),auto)
$$(error $(1)=$($(1)), but $$(PKG_CONFIG) finds no $(2): make setup installs it)
endif
endif
endef

$(eval $(call find_package,ZLIB,zlib))
$(eval $(call find_package,CAIRO,cairo))
$(eval $(call find_package,PNG,libpng))
$(eval $(call find_package,PROTOBUF,libprotobuf-c))
CHECK := auto
$(eval $(call find_package,CHECK,check))

# protoc-c runs while libae is built, so a cross build uses the building machine's.
PROTOC_C ?= protoc-c
ifeq ($(PROTOBUF_FOUND),yes)
PROTOBUF_CFLAGS += -I$(BUILD)/proto
ifeq ($(shell command -v $(PROTOC_C)),)
ifneq ($(PROTOBUF),auto)
$(error PROTOBUF=$(PROTOBUF), but there is no $(PROTOC_C): make setup installs it)
endif
PROTOBUF_FOUND :=
PROTOBUF_CFLAGS :=
PROTOBUF_LIBS :=
endif
endif

# Upstream's BLIS has blis.pc; Debian's lies in a folder a threading model. libae calls BLIS from
# its own threads, one at a time in each, so the serial build comes first.
ifneq ($(BLIS),no)
ifneq ($(filter auto yes,$(BLIS)),)
BLIS_PC := $(call pkg_exists,blis)
blis_builds := serial pthread openmp
else
blis_builds := $(BLIS)
endif
ifeq ($(BLIS_PC),yes)
BLIS_FOUND := yes
BLIS_CFLAGS := $(call pkg_cflags,blis)
BLIS_LIBS := $(call pkg_libs,blis)
BLIS_STATIC_LIBS := $(call pkg_libs,--static blis)
else
multiarch := $(or $(shell $(CC) -print-multiarch 2>/dev/null),$(TARGET:x86_64-pc-%=x86_64-%))
BLIS_ROOT ?= /usr
blis_build := $(firstword $(foreach b,$(blis_builds),$(if \
    $(wildcard $(BLIS_ROOT)/include/$(multiarch)/blis-$(b)/blis.h),$(if \
    $(wildcard $(BLIS_ROOT)/lib/$(multiarch)/blis-$(b)/libblis.so $(BLIS_ROOT)/lib/$(multiarch)/blis-$(b)/libblis.a),$(b)))))
ifneq ($(blis_build),)
BLIS_FOUND := $(blis_build)
BLIS_CFLAGS := -isystem $(BLIS_ROOT)/include/$(multiarch)/blis-$(blis_build)
BLIS_LIBS := -L$(BLIS_ROOT)/lib/$(multiarch)/blis-$(blis_build) -lblis
# What libblis.a needs beside that.
BLIS_STATIC_LIBS := $(if $(filter openmp,$(blis_build)),-lgomp)
else ifneq ($(BLIS),auto)
$(error BLIS=$(BLIS), but there is neither a blis.pc nor a blis-*/ folder: make setup installs it)
endif
endif
endif

have = $(if $($(1)_FOUND),-DAEI_HAVE_$(1))
DEPS_CFLAGS := $(call have,BLIS) $(call have,ZLIB) $(BLIS_CFLAGS) $(ZLIB_CFLAGS)
DEPS_CFLAGS += $(call have,PROTOBUF) $(call have,PNG) $(PROTOBUF_CFLAGS) $(PNG_CFLAGS)
DEPS_LIBS := $(BLIS_LIBS) $(PROTOBUF_LIBS) $(PNG_LIBS) $(ZLIB_LIBS) -lm
DEPS_TEXT := BLIS $(or $(BLIS_FOUND),no), zlib $(or $(ZLIB_FOUND),no)
DEPS_TEXT := $(DEPS_TEXT), protobuf-c $(or $(PROTOBUF_FOUND),no), libpng $(or $(PNG_FOUND),no)
