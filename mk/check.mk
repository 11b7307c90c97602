# SPDX-License-Identifier: BSD-3-Clause
# The tests: one runner, build/tests/check, of every tests/test_NAME.c. SUITES="team trainer"
# restricts a run; so does Check's own CK_RUN_CASE.

TEST_SOURCES := tests/main.c tests/support.c tests/system_calls.c tests/thread_starts.c tests/c_compiler.c $(sort $(wildcard tests/pairs*.c tests/test_*.c tests/fuzz/fuzz_*.c))
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/obj-test/%.o)
TEST_LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/obj-test/%.o)
SUITE_NAMES := $(patsubst tests/test_%.c,%,$(wildcard tests/test_*.c))
RUNNER := $(BUILD)/tests/check

# The compilers that tests call, all for the processor the tests run on.
comma := ,
TEST_COMPILERS := -DTEST_CC='"$(CC)"' -DTEST_FLOATS='$(if $(FLOATS),"$(FLOATS)"$(comma))' -DTEST_CXX='"$(CROSS)g++"' -DTEST_CLANG='"clang$(if $(CROSS), --target=$(TRIPLE))"'

# The library once more, with the hooks that only tests see.
TEST_COMPILE := $(CC) $(BASE_CFLAGS) -DAEI_TEST_HOOKS -DTESTS_DIR='$(subst ','\'',"$(CURDIR)/tests")' $(TEST_COMPILERS) -Ilib -Itests -I$(BUILD)/tests \
    $(DEPS_CFLAGS) $(CHECK_CFLAGS) $(CPPFLAGS) $(CFLAGS)
$(eval $(call stamp,test,$(TEST_COMPILE)))
$(eval $(call stamp,suites,$(foreach s,$(sort $(SUITE_NAMES)),SUITE($(s)))))

# The list of suites that tests/suites.h includes.
$(BUILD)/tests/suites.inc: $(BUILD)/stamp/suites
	@mkdir -p $(@D)
	@tr ' ' '\n' < $< > $@

# The fuzz targets, whose corpora tests/test_fuzz_corpus.c replays: each function bears its file's name.
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz_name = $(if $(filter tests/fuzz/%,$(1)),-DLLVMFuzzerTestOneInput=$(basename $(notdir $(1))))
$(eval $(call stamp,fuzz-names,$(foreach t,$(FUZZ_NAMES),TARGET($(t)))))
$(BUILD)/tests/fuzz_targets.inc: $(BUILD)/stamp/fuzz-names
	@mkdir -p $(@D)
	@tr ' ' '\n' < $< > $@
$(BUILD)/obj-test/tests/test_fuzz_corpus.o: $(BUILD)/tests/fuzz_targets.inc

# The public structs and their members, which tests/test_structs.c looks at. That of mpi.h needs MPI.
$(BUILD)/tests/structs.inc: tests/structs.awk $(filter-out %/mpi.h,$(wildcard include/libae/*.h))
	@mkdir -p $(@D)
	@awk -f $^ > $@
$(BUILD)/obj-test/tests/test_structs.o $(BUILD)/obj-test/tests/test_struct_sizes.o: $(BUILD)/tests/structs.inc

$(BUILD)/obj-test/%.o: %.c $(BUILD)/stamp/test mk/isa.mk | $(BUILD)/tests/suites.inc $(PROTO_HEADERS) check-is-there
	$(say) CC '$< (test)'
	@mkdir -p $(@D)
	$(Q)$(TEST_COMPILE) $(call isa_flags,$<) $(call fuzz_name,$<) -MMD -MP -c -o $@ $<

.PHONY: check-is-there
check-is-there:
	@$(if $(CHECK_FOUND),:,echo 'The tests need the Check framework: make setup installs it.' >&2; exit 1)

# The library's allocations and writers' system calls, and nobody else's, go through tests/support.c
# and tests/system_calls.c, which count them and make them fail: a partial link redirects them before
# the tests and Check come in.
WRAPPED := malloc calloc realloc aligned_alloc posix_memalign free \
    open openat write fsync flock renameat linkat unlinkat unlink close pthread_create
$(BUILD)/obj-test/libae.o: $(TEST_LIB_OBJECTS) $(PROTO_OBJECTS) mk/check.mk
	$(say) LD $@
	$(Q)$(CC) -r -nostdlib $(WRAPPED:%=-Wl,--wrap=%) -o $@ $(filter %.o,$^)

TEST_LINK := $(CC) $(BASE_LDFLAGS) -Wl,--as-needed $(LDFLAGS)
$(RUNNER): $(TEST_OBJECTS) $(BUILD)/obj-test/libae.o $(BUILD)/stamp/suites
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(TEST_LINK) -o $@ $(TEST_OBJECTS) $(BUILD)/obj-test/libae.o $(CHECK_LIBS) $(DEPS_LIBS)

# One process a suite, on all processors, the long ones first: $(call each_suite,suites,command).
LONG_SUITES := step_ranks gradient training bfloat16 ranks blocks elementwise gemm vector_math weighted score c_source interop resume
each_suite = $(call spread,$(or $(SUITES),$(1)),$(2))
spread = scripts/each-suite '$(filter $(1),$(LONG_SUITES)) $(sort $(filter-out $(LONG_SUITES),$(1)))' $(2)

.PHONY: check check-build check-suites check-isa check-asan check-tsan check-valgrind check-aarch64 check-install check-mpi check-symbols check-abi abi-dump check-hardening check-same-bytes docs lint format

check-build: $(RUNNER)

check: $(RUNNER) ## run the tests; SUITES="network trainer" picks suites
	@$(RUNNER) $(SUITES)

check-suites: $(RUNNER) ## run the tests, one process a suite, on all processors
	@$(call each_suite,$(SUITE_NAMES),$(RUNNER))

# From the least up to what the machine has, which is left to the plain check.
ISA_LEVELS_x86_64 := baseline avx2 avx512
ISA_LEVELS_aarch64 := baseline neon
# Suites of what depends on a network's own kernels; others compute nothing, or try every kernel there is.
ISA_SUITES := bfloat16 blis blocks dropout error_spread evaluate fill golden gradient kernels model_file onnx own_optimizer \
    pca ranks resume session step_ranks threshold training units
check-isa: $(RUNNER) ## run the tests once for each narrower level of instruction sets
	@widest=$$(env -u AE_ISA $(RUNNER) --isa); for isa in $(ISA_LEVELS_$(ARCH)); do \
	    [ $$isa != "$$widest" ] || break; echo "AE_ISA=$$isa"; export AE_ISA=$$isa; \
	    $(call each_suite,$(ISA_SUITES),$(RUNNER)) || exit 1; done

check-asan: ## run the tests under the address and undefined-behaviour sanitizers
	@ASAN_OPTIONS=detect_stack_use_after_return=1:$$ASAN_OPTIONS UBSAN_OPTIONS=print_stacktrace=1 \
	    AE_TEST_SLOW=sanitizers CK_TIMEOUT_MULTIPLIER=10 \
	    $(MAKE) --no-print-directory check-suites BUILD='$(BUILD)/asan' SANITIZE=address,undefined CFLAGS='-O1 -g'

# libgomp, which Debian's BLIS may bring along, is not built for ThreadSanitizer; libae gives it one thread.
# Suites that start threads.
TSAN_SUITES := agree_runs background best blocks bfloat16 blis concurrency divergence error evaluate events failures faults messages own_optimizer rank_faults rank_stops ranks \
    reader resume run session shards shrunk source step_ranks team \
    trainer trainer_events training transport
check-tsan: ## run the tests that start threads under the thread sanitizer
	@TSAN_OPTIONS=halt_on_error=1:$$TSAN_OPTIONS OMP_NUM_THREADS=1 AE_TEST_SLOW=sanitizers CK_TIMEOUT_MULTIPLIER=20 \
	    $(MAKE) --no-print-directory check-suites BUILD='$(BUILD)/tsan' SANITIZE=thread CFLAGS='-O1 -g' \
	    SUITES='$(or $(SUITES),$(TSAN_SUITES))'

# A forked test's leak or error is its exit status, so Check names the test.
VALGRIND ?= valgrind
VALGRIND_FLAGS := --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \
    --show-leak-kinds=definite,indirect --num-callers=20 --suppressions=tests/valgrind.supp --fair-sched=yes
# Suites that only compute, at length, or run Python are left to the sanitizers: valgrind is some 40 times slower,
# and hides AVX-512 from the library; those whose threads wait for each other, to its one thread at a
# time. The others shorten their loops (support_slow), and read no MNIST.
VALGRIND_SKIPS := blocks c_source concurrency exhaustion crash diagnose digits dropout elementwise faults gemm golden gradient \
    interop kernels margin optimizer pca penalty rank_faults rank_stops ranks score shards step_ranks tied training transport vector_math \
    weighted
check-valgrind: $(RUNNER) ## run the tests under valgrind, but for long arithmetic
	@export AE_TEST_SLOW=valgrind AE_DATA_DIR= CK_TIMEOUT_MULTIPLIER=40; \
	    $(call each_suite,$(filter-out $(VALGRIND_SKIPS),$(SUITE_NAMES)),$(VALGRIND) $(VALGRIND_FLAGS) $(RUNNER))

# Built for 64-bit Arm, run by an emulator: scripts/setup aarch64 installs both. The static one, since Debian 12's
# other qemu cannot start threads in the child of a threaded process.
QEMU ?= qemu-aarch64-static
AARCH64 := $(BUILD)/aarch64
# Suites of what one processor does as another: system calls that fail, signals, compilers' code, Python.
AARCH64_SKIPS := c_source c_source_names concurrency crash exhaustion faults interop large_file memory_bounds onnx onnx_score \
    rank_faults rank_stops struct_sizes transport write_faults
check-aarch64: ## cross-build for 64-bit Arm and run the tests under emulation
	@$(MAKE) --no-print-directory CC=aarch64-linux-gnu-gcc BUILD='$(AARCH64)' all examples check-build
	@export AE_TEST_SLOW=qemu AE_DATA_DIR= CK_TIMEOUT_MULTIPLIER=10; \
	    $(call each_suite,$(filter-out $(AARCH64_SKIPS),$(SUITE_NAMES)),$(QEMU) $(AARCH64)/tests/check)

check-symbols: lib ## compare the exported symbols with lib/libae.symbols
	@NM='$(NM)' scripts/check-symbols '$(BUILD)'

check-abi: lib ## compare types and functions with those of the last version
	@CC='$(CC)' scripts/check-abi '$(BUILD)'

abi-dump: lib ## keep the types and functions of this build as the last version's
	@CC='$(CC)' scripts/check-abi '$(BUILD)' dump

check-hardening: lib ## look in libae.so for what makes attacks on faults harder
	@scripts/check-hardening '$(BUILD)'

check-same-bytes: ## build in two folders and compare
	@MAKE='$(MAKE)' scripts/check-same-bytes

check-install: lib ## install into a scratch folder, build and run programs against it, uninstall
	@MAKE='$(MAKE)' BUILD='$(BUILD)' CC='$(CC)' STRIP='$(STRIP)' BLIS_CFLAGS='$(BLIS_CFLAGS)' BLIS_LIBS='$(BLIS_LIBS)' \
	    scripts/check-install

check-mpi: lib $(BUILD)/examples/helpers.a ## train with each MPI that is here; RANKS="1 2 5 8" THREADS="1 2" ask for others than 1 to 4
	@MAKE='$(MAKE)' BUILD='$(BUILD)' CC='$(CC)' DEPS_LIBS='$(DEPS_LIBS)' RANKS='$(RANKS)' THREADS='$(THREADS)' scripts/check-mpi

docs: ## the reference and these documents as HTML in build/html; what is undocumented is an error
	@command -v doxygen >/dev/null || { echo 'docs: there is no doxygen; scripts/setup ci installs it' >&2; exit 1; }
	@mkdir -p '$(BUILD)'
	@{ cat docs/Doxyfile; echo 'OUTPUT_DIRECTORY = "$(BUILD)"'; echo 'PROJECT_NUMBER = $(VERSION)'; } | doxygen -
	@echo 'docs: $(BUILD)/html/index.html'

lint: lib $(PROTO_HEADERS) ## check includes, banned calls, licence lines, layout, static analysis and scripts
	@BUILD='$(BUILD)' DEPS_CFLAGS='$(DEPS_CFLAGS)' EXAMPLE_CFLAGS='$(EXAMPLE_CFLAGS)' scripts/lint

format: ## lay the sources out with clang-format
	@scripts/lint format

-include $(TEST_LIB_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
