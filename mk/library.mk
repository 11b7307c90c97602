# SPDX-License-Identifier: BSD-3-Clause
# build/libae.a and build/libae.so, from the same position-independent objects.

# Of the files for one operating system, the one that is compiled for.
SYSTEM := $(or $(findstring freebsd,$(TRIPLE)),$(if $(findstring macos,$(TRIPLE))$(findstring darwin,$(TRIPLE)),macos),linux)
FOREIGN += $(filter-out lib/base/system_$(SYSTEM).c,$(wildcard lib/base/system_*.c))

LIB_SOURCES := $(filter-out $(FOREIGN),$(sort $(wildcard lib/*/*.c)))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o) $(PROTO_OBJECTS)

SONAME := libae.so.$(MAJOR)
SHARED := $(BUILD)/libae.so.$(VERSION)
STATIC := $(BUILD)/libae.a

LIB_COMPILE := $(CC) $(BASE_CFLAGS) -fPIC -fvisibility=hidden -Ilib $(DEPS_CFLAGS) $(CPPFLAGS) $(CFLAGS)
$(eval $(call stamp,lib,$(LIB_COMPILE)))

$(BUILD)/obj/%.o: %.c $(BUILD)/stamp/lib mk/isa.mk | $(PROTO_HEADERS)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(LIB_COMPILE) $(call isa_flags,$<) -MMD -MP -c -o $@ $<

# Generated code is not ours to warn about, and its assertions would end the program.
$(PROTO_OBJECTS): $(BUILD)/obj/%.o: $(BUILD)/proto/%.c $(BUILD)/stamp/lib
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(LIB_COMPILE) -w -DNDEBUG -c -o $@ $<

$(eval $(call stamp,objects,$(LIB_OBJECTS)))
$(STATIC): $(LIB_OBJECTS) $(BUILD)/stamp/objects
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJECTS)

# A sanitizer's own symbols come from the program.
SHARED_LDFLAGS := -shared -Wl,-soname,$(SONAME) -Wl,--version-script=lib/libae.map -Wl,--as-needed \
    $(if $(SANITIZE),,-Wl,--no-undefined)
SHARED_LINK := $(CC) $(BASE_LDFLAGS) $(SHARED_LDFLAGS) $(LDFLAGS)
$(eval $(call stamp,shared,$(SHARED_LINK) $(DEPS_LIBS)))

$(SHARED): $(LIB_OBJECTS) $(BUILD)/stamp/objects $(BUILD)/stamp/shared lib/libae.map
	$(say) LD $@
	$(Q)$(SHARED_LINK) -o $@ $(LIB_OBJECTS) $(DEPS_LIBS)
	@ln -sf $(notdir $@) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libae.so
	@printf '  libae %s for %s: %s\n' '$(VERSION)' '$(TRIPLE)' '$(DEPS_TEXT)'

lib: $(STATIC) $(SHARED)

-include $(LIB_OBJECTS:.o=.d)
