# SPDX-License-Identifier: BSD-3-Clause
# Examples and measurements: every examples/NAME.c and bench/NAME.c is a program. They link the
# static library, so that they run from the build folder as they are.

# Those whose names end in _mpi are compiled by MPI's own compiler, on demand.
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(sort $(filter-out %_mpi.c,$(wildcard examples/*.c))))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(sort $(filter-out %_mpi.c,$(wildcard bench/*.c))))
EXAMPLE_HELPERS := $(patsubst %.c,$(BUILD)/obj-programs/%.o,$(sort $(wildcard examples/*/*.c)))

EXAMPLE_CFLAGS := -Iexamples $(if $(CAIRO_FOUND),-DAE_HAVE_CAIRO $(CAIRO_CFLAGS))
EXAMPLE_COMPILE := $(CC) $(BASE_CFLAGS) $(EXAMPLE_CFLAGS) $(CPPFLAGS) $(CFLAGS)
BENCH_HELPERS := $(patsubst %.c,$(BUILD)/obj-programs/%.o,$(sort $(wildcard bench/common/*.c)))
BENCH_COMPILE := $(CC) $(BASE_CFLAGS) -Ilib -Ibench $(DEPS_CFLAGS) $(CPPFLAGS) $(CFLAGS)
PROGRAM_LINK := $(CC) $(BASE_LDFLAGS) -Wl,--as-needed $(LDFLAGS)
$(eval $(call stamp,example,$(EXAMPLE_COMPILE)))
$(eval $(call stamp,bench,$(BENCH_COMPILE)))
$(eval $(call stamp,program,$(PROGRAM_LINK) $(DEPS_LIBS) $(CAIRO_LIBS)))

$(BUILD)/obj-programs/examples/%.o: examples/%.c $(BUILD)/stamp/example
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(EXAMPLE_COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/obj-programs/bench/%.o: bench/%.c $(BUILD)/stamp/bench
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(BENCH_COMPILE) -MMD -MP -c -o $@ $<

# An archive: each program takes the helpers it calls.
$(BUILD)/examples/helpers.a: $(EXAMPLE_HELPERS)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/examples/%: $(BUILD)/obj-programs/examples/%.o $(BUILD)/examples/helpers.a $(STATIC) $(BUILD)/stamp/program
	$(say) LD $@
	$(Q)$(PROGRAM_LINK) -o $@ $< $(BUILD)/examples/helpers.a $(STATIC) $(CAIRO_LIBS) $(DEPS_LIBS)

$(BUILD)/bench/%: $(BUILD)/obj-programs/bench/%.o $(BENCH_HELPERS) $(STATIC) $(BUILD)/stamp/program
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(PROGRAM_LINK) -o $@ $< $(BENCH_HELPERS) $(STATIC) $(DEPS_LIBS)

# MPICC=mpicc.mpich picks an MPI. Its mpicc calls CC.
MPICC ?= mpicc
MPI_COMPILE := OMPI_CC='$(CC)' MPICH_CC='$(CC)' $(MPICC) $(BASE_CFLAGS)
$(eval $(call stamp,mpi,$(MPI_COMPILE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(DEPS_LIBS)))
$(BUILD)/examples/%_mpi: examples/%_mpi.c $(BUILD)/examples/helpers.a $(STATIC) include/libae/mpi.h $(BUILD)/stamp/mpi
	$(say) MPICC $@
	@mkdir -p $(@D)
	$(Q)$(MPI_COMPILE) -Iexamples $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/examples/helpers.a $(STATIC) $(CAIRO_LIBS) $(DEPS_LIBS)

$(BUILD)/bench/%_mpi: bench/%_mpi.c bench/common/measure.h $(STATIC) include/libae/mpi.h $(BUILD)/stamp/mpi
	$(say) MPICC $@
	@mkdir -p $(@D)
	$(Q)$(MPI_COMPILE) -Ilib -Ibench $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(STATIC) $(DEPS_LIBS)

# tests/stories/NAME.c: what a user would write, with the installed headers alone; NAME.py beside it makes the
# files and judges the results.
STORIES := $(patsubst tests/stories/%.c,$(BUILD)/stories/%,$(sort $(wildcard tests/stories/*.c)))
STORY_COMPILE := $(CC) $(BASE_CFLAGS) $(CPPFLAGS) $(CFLAGS)
$(eval $(call stamp,story,$(STORY_COMPILE)))

$(BUILD)/obj-programs/stories/%.o: tests/stories/%.c $(BUILD)/stamp/story
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(STORY_COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/stories/%: $(BUILD)/obj-programs/stories/%.o $(STATIC) $(BUILD)/stamp/program
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(PROGRAM_LINK) -o $@ $< $(STATIC) $(DEPS_LIBS)

.PHONY: examples mpi-example check-examples check-docs check-stories stories bench bench-full bench-stream bench-peers mnist experiment anomaly denoise
.SECONDARY:

examples: $(EXAMPLES) ## build the examples into build/examples

mpi-example: $(BUILD)/examples/mnist_mpi ## build examples/mnist_mpi.c; MPICC=mpicc.openmpi picks an MPI

check-examples: examples ## run the examples with quick settings and look at what they give
	@CC='$(CC)' scripts/check-examples '$(BUILD)' $(STATIC) $(BASE_LDFLAGS) $(DEPS_LIBS)

check-docs: lib ## compile the C of README.md and docs/, run the programs
	@CC='$(CC)' scripts/check-docs '$(BUILD)' $(STATIC) $(BASE_LDFLAGS) $(DEPS_LIBS)

stories: $(STORIES)

check-stories: stories ## run the stories of tests/stories, with AE_PYTHON; STORIES_RUN="card_fraud" picks
	@scripts/check-stories '$(BUILD)' $(STORIES_RUN)

bench: $(BUILD)/bench/bench ## measure: one figure a line, in less than two minutes
	@$<

bench-full: $(BUILD)/bench/bench ## measure every size
	@$< full

bench-stream: $(BUILD)/bench/from_files ## measure training from files, some 4 minutes
	@$< $(ARGS)

bench-variants: $(BUILD)/bench/variants ## measure what clip_norm and batch_block cost, some 20 seconds
	@$< $(ARGS)

# DOCS=docs writes docs/peers.md and its picture too; ARGS="--rounds 5 --only onednn fann" go to the script.
PYTHON ?= /usr/bin/python3
bench-peers: $(BUILD)/bench/peers/libae ## measure libae beside other libraries (scripts/setup peers first)
	$(PYTHON) bench/peers/run.py --build '$(BUILD)' $(if $(DOCS),--docs '$(DOCS)') $(ARGS)

# EPOCHS, OUT and ARGS="--data DIR --rate R ..." go to the example.
mnist: EPOCHS ?= 5
mnist: OUT ?= $(BUILD)/mnist
mnist: $(BUILD)/examples/mnist ## run the MNIST example briefly: EPOCHS=5, results in build/mnist
	$(BUILD)/examples/mnist --epochs $(EPOCHS) --out '$(OUT)' $(ARGS)

anomaly: $(BUILD)/examples/anomaly ## find images of other classes: results in build/anomaly; ARGS="--data DIR --class N"
	$(BUILD)/examples/anomaly --out '$(or $(OUT),$(BUILD)/anomaly)' $(ARGS)

denoise: $(BUILD)/examples/denoise ## clean noisy digits: the picture is in build/denoise
	$(BUILD)/examples/denoise --out '$(or $(OUT),$(BUILD)/denoise)' $(ARGS)

experiment: EPOCHS ?= 200
experiment: OUT ?= $(BUILD)/experiment
experiment: $(BUILD)/examples/mnist ## run the published experiment: 200 epochs, results in build/experiment
	$(BUILD)/examples/mnist --epochs $(EPOCHS) --out '$(OUT)' $(ARGS)

-include $(EXAMPLE_HELPERS:.o=.d) $(wildcard $(BUILD)/obj-programs/*/*.d)
