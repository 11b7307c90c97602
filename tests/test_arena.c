/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/arena.h"
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <stdint.h>

START_TEST(arena_counts_then_gives_aligned_zeroed_arrays_in_the_same_places)
{
    static const size_t counts[] = {1, 0, 17, 64, 1000003};
    enum { ARRAYS = sizeof counts / sizeof counts[0] };
    aei_arena arena = {0};
    for (size_t i = 0; i < ARRAYS; i++)
        ck_assert_ptr_null(aei_arena_take(&arena, counts[i], sizeof(float)));
    size_t counted = arena.used;
    ck_assert_int_eq(aei_arena_allocate(&arena), AE_OK);
    float *last_end = NULL;
    for (size_t i = 0; i < ARRAYS; i++) {
        float *array = aei_arena_take(&arena, counts[i], sizeof(float));
        ck_assert_ptr_nonnull(array);
        ck_assert_uint_eq((uintptr_t)array % AEI_ALIGNMENT, 0);
        ck_assert(last_end == NULL || array >= last_end);
        last_end = array + counts[i];
        size_t set = 0;
        for (size_t j = 0; j < counts[i]; j++) {
            set += array[j] < 0.0f || array[j] > 0.0f;
            array[j] = 1.0f;
        }
        ck_assert_uint_eq(set, 0);
    }
    ck_assert_uint_eq(arena.used, counted);
    for (size_t i = 0; i < AEI_SLACK;
         i++) /* readable past the last array: AddressSanitizer watches */
        ck_assert_uint_eq(arena.base[arena.used + i], 0);
    ck_assert_ptr_null(aei_arena_take(&arena, AEI_ALIGNMENT + 1, 1));
    ck_assert(arena.overflow);
    aei_arena_free(&arena);
    aei_arena_free(&arena);
    ck_assert_ptr_null(arena.base);
}
END_TEST

START_TEST(arena_refuses_sizes_beyond_the_address_space)
{
    aei_arena arena = {0};
    ck_assert_ptr_null(aei_arena_take(&arena, SIZE_MAX / 2, 4));
    ck_assert_int_eq(aei_arena_allocate(&arena), AE_ERROR_OUT_OF_MEMORY);
    ck_assert_ptr_null(arena.base);
    arena = (aei_arena){0};
    for (int i = 0; i < 3; i++)
        (void)aei_arena_take(&arena, SIZE_MAX / 4, 1);
    ck_assert(arena.overflow);
    ck_assert_int_eq(aei_arena_allocate(&arena), AE_ERROR_OUT_OF_MEMORY);
}
END_TEST

Suite *arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");
    tcase_add_test(tcase, arena_counts_then_gives_aligned_zeroed_arrays_in_the_same_places);
    tcase_add_test(tcase, arena_refuses_sizes_beyond_the_address_space);
    suite_add_tcase(suite, tcase);
    return suite;
}
