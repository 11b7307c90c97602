# SPDX-License-Identifier: BSD-3-Clause
# Fuzz targets: tests/fuzz/fuzz_NAME.c is the target NAME. docs/testing.md says what they have found.
#
#     make fuzz TARGET=csv TIME=600        ten minutes with libFuzzer, under two sanitizers
#     make fuzz FUZZER=afl TARGET=csv      the same with AFL++
#     make fuzz-corpus [TARGET=csv]        add to tests/fuzz/corpus what the runs have found, minimised
#     make fuzz-coverage [TARGET=csv]      lines of lib/ that the corpora reach
#     make soak-fuzz                       an hour for each target

FUZZ_WANTED = $(or $(TARGET),$(FUZZ_NAMES))
FUZZER ?= libfuzzer
TIME ?= 60
CORPUS ?= $(BUILD)/fuzz-corpus

# An engine's main function; OSS-Fuzz sets both.
LIB_FUZZING_ENGINE ?= -fsanitize=fuzzer
FUZZ_LINKER ?= $(CC)
FUZZ_COMPILE := $(CC) $(BASE_CFLAGS) -Ilib $(DEPS_CFLAGS) $(CPPFLAGS) $(CFLAGS)
FUZZ_LINK := $(FUZZ_LINKER) $(BASE_LDFLAGS) $(LDFLAGS) $(LIB_FUZZING_ENGINE)
FUZZ_PROGRAMS := $(FUZZ_NAMES:%=$(BUILD)/fuzz/fuzz_%)
$(eval $(call stamp,fuzz,$(FUZZ_COMPILE)))
$(eval $(call stamp,fuzz-link,$(FUZZ_LINK) $(DEPS_LIBS)))

$(BUILD)/obj-fuzz/%.o: tests/fuzz/%.c $(BUILD)/stamp/fuzz
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/%: $(BUILD)/obj-fuzz/%.o $(STATIC) $(BUILD)/stamp/fuzz-link
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(FUZZ_LINK) -o $@ $< $(STATIC) $(DEPS_LIBS)

.PHONY: fuzz fuzz-programs fuzz-corpus fuzz-coverage soak-fuzz
fuzz-programs: $(FUZZ_PROGRAMS)

# Each engine has a build of its own, with the readers' own dependency alone.
FUZZ_MAKE = $(MAKE) --no-print-directory BLIS=no PNG=no PROTOBUF=no CAIRO=no CFLAGS='-O1 -g' fuzz-programs
FUZZ_BUILD_libfuzzer = $(FUZZ_MAKE) BUILD='$(BUILD)/libfuzzer' CC=clang SANITIZE=address,undefined \
    LIB_FUZZING_ENGINE=-fsanitize=fuzzer CPPFLAGS='-fsanitize=fuzzer-no-link'
FUZZ_BUILD_afl = AFL_QUIET=1 $(FUZZ_MAKE) BUILD='$(BUILD)/afl' CC=afl-clang-fast LIB_FUZZING_ENGINE=-fsanitize=fuzzer
FUZZ_BUILD_coverage = $(FUZZ_MAKE) BUILD='$(BUILD)/fuzz-coverage' CC=clang LIB_FUZZING_ENGINE=-fsanitize=fuzzer \
    CPPFLAGS='-fprofile-instr-generate -fcoverage-mapping' LDFLAGS='-fprofile-instr-generate'

fuzz: ## look for inputs that break a reader: TARGET=csv, TIME=60 seconds, FUZZER=libfuzzer or afl
	@$(FUZZ_BUILD_$(FUZZER))
	@for target in $(FUZZ_WANTED); do \
	    scripts/fuzz run $(FUZZER) '$(BUILD)' '$(CORPUS)' $$target $(TIME) || exit 1; done

fuzz-corpus: ## add what make fuzz has found to tests/fuzz/corpus, without what reaches nothing new
	@$(FUZZ_BUILD_libfuzzer)
	@for target in $(FUZZ_WANTED); do \
	    scripts/fuzz minimise libfuzzer '$(BUILD)' '$(CORPUS)' $$target || exit 1; done

fuzz-coverage: ## print the lines of lib/ that each corpus reaches; needs llvm-cov
	@$(FUZZ_BUILD_coverage)
	@for target in $(FUZZ_WANTED); do \
	    scripts/fuzz coverage libfuzzer '$(BUILD)' '$(CORPUS)' $$target || exit 1; done

SOAKS += soak-fuzz
soak-fuzz: ## fuzz every target for an hour
	@$(MAKE) --no-print-directory fuzz TIME=3600

-include $(wildcard $(BUILD)/obj-fuzz/*.d)
