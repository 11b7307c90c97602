# SPDX-License-Identifier: BSD-3-Clause
# Flags of single kernel files, chosen among at run time. Nothing else gets any: what ships runs on
# every processor of its architecture. Kernels use fused multiply-add, and square roots and
# comparisons without errno and traps, which changes no result; reassociation stays off.

KERNEL_FLAGS := -ffp-contract=fast -fno-math-errno -fno-trapping-math

avx2 := -mavx2 -mfma -mf16c
avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512

ISA_x86_64_kernels_avx2 := $(avx2)
ISA_x86_64_kernels_avx512 := $(avx512)
ISA_x86_64_kernels_avx512_bf16 := $(avx512)
# Every 64-bit Arm has it.
ISA_aarch64_kernels_neon :=

# Files of other architectures are left out of the library.
isa_files = $(patsubst ISA_$(1)_%,lib/compute/%.c,$(filter ISA_$(1)_%,$(.VARIABLES)))
FOREIGN := $(filter-out $(call isa_files,$(ARCH)),$(foreach a,x86_64 aarch64,$(call isa_files,$(a))))

isa_flags = $(if $(filter lib/compute/kernels_%,$(1)),$(KERNEL_FLAGS) $(ISA_$(ARCH)_$(basename $(notdir $(1)))))
