# SPDX-License-Identifier: BSD-3-Clause
# Protocol buffers: protoc-c makes of lib/format/proto/NAME.proto what lib/ includes as
# "format/proto/NAME.pb-c.h", below build/proto.

ifeq ($(PROTOBUF_FOUND),yes)
PROTOS := $(sort $(wildcard lib/format/proto/*.proto))
endif
PROTO_HEADERS := $(PROTOS:lib/%.proto=$(BUILD)/proto/%.pb-c.h)
PROTO_OBJECTS := $(PROTOS:lib/%.proto=$(BUILD)/obj/%.pb-c.o)

# One run makes both files.
$(BUILD)/proto/%.pb-c.c $(BUILD)/proto/%.pb-c.h: lib/%.proto
	$(say) PROTO $<
	@mkdir -p '$(BUILD)/proto'
	$(Q)$(PROTOC_C) -Ilib --c_out='$(BUILD)/proto' $<
.PRECIOUS: $(BUILD)/proto/%.pb-c.c
