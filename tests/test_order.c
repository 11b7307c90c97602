/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of an epoch, above all that of blocks. */
#include "train/order.h"

#include "far_rows.h"
#include "suites.h"

enum { MOST = 3000 };

static void make(uint32_t *numbers, size_t rows, size_t block, size_t window, uint64_t seed,
                 uint64_t epoch)
{
    const ae_trainer_options o = {.shuffle = AE_SHUFFLE_BLOCKS,
                                  .seed = seed,
                                  .shuffle_block = block,
                                  .shuffle_window = window};
    uint32_t *blocks = fixture_allocate(aei_order_blocks(&o, rows), sizeof *blocks);
    aei_order_make(&o, blocks, numbers, (uint32_t)rows, epoch);
    free(blocks);
}

START_TEST(blocks_of_every_size_give_each_row_once)
{
    static const size_t sizes[][3] = {{1, 1, 1},     {2, 1, 1},        {7, 3, 2},
                                      {100, 10, 3},  {101, 10, 3},     {99, 100, 5},
                                      {99, 1, 99},   {99, 1, 4000000}, {1000, 4000000000u, 2},
                                      {2999, 17, 7}, {3000, 256, 64}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint32_t numbers[MOST];
        bool seen[MOST] = {0};
        const size_t rows = sizes[i][0];
        make(numbers, rows, sizes[i][1], sizes[i][2], 5, 2);
        for (size_t r = 0; r < rows; r++) {
            ck_assert_uint_lt(numbers[r], rows);
            ck_assert(!seen[numbers[r]]);
            seen[numbers[r]] = true;
        }
    }
}
END_TEST

/* Rows of one block are nowhere further apart than a window. */
START_TEST(a_block_stays_within_a_window)
{
    enum { ROWS = 3000, BLOCK = 20, WINDOW = 5, BLOCKS = ROWS / BLOCK };
    uint32_t numbers[ROWS];
    size_t low[BLOCKS], high[BLOCKS] = {0}, moved = 0;
    make(numbers, ROWS, BLOCK, WINDOW, 1, 0);
    for (size_t b = 0; b < BLOCKS; b++)
        low[b] = ROWS;
    for (size_t i = 0; i < ROWS; i++) {
        const size_t b = numbers[i] / BLOCK;
        low[b] = i < low[b] ? i : low[b];
        high[b] = i > high[b] ? i : high[b];
    }
    for (size_t b = 0; b < BLOCKS; b++) {
        ck_assert_uint_eq(low[b] / (size_t)(BLOCK * WINDOW), high[b] / (size_t)(BLOCK * WINDOW));
        ck_assert_uint_gt(high[b] - low[b], BLOCK); /* mixed, not in one piece */
        moved += low[b] / (size_t)(BLOCK * WINDOW) != b / WINDOW;
    }
    ck_assert_uint_gt(moved, BLOCKS / 2);
}
END_TEST

START_TEST(an_order_depends_on_seed_and_epoch_alone)
{
    uint32_t a[MOST], b[MOST];
    make(a, MOST, 50, 6, 1, 3);
    make(b, MOST, 50, 6, 1, 3);
    ck_assert_mem_eq(a, b, sizeof a);
    make(b, MOST, 50, 6, 1, 4);
    ck_assert_mem_ne(a, b, sizeof a);
    make(b, MOST, 50, 6, 2, 3);
    ck_assert_mem_ne(a, b, sizeof a);
    /* Windows are mixed in ways of their own. */
    make(a, 200, 10, 10, 1, 0);
    size_t same = 0;
    for (size_t i = 0; i < 100; i++)
        same += a[i] % 100 == a[100 + i] % 100;
    ck_assert_uint_lt(same, 20);
}
END_TEST

enum { ROWS = 230, WIDTH = 9 };

typedef struct run {
    float *values;
    ae_dataset *rows;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} run;

static run start(int kind, size_t block, size_t window)
{
    run r = {.values = fixture_values(ROWS * WIDTH, 0, 1, 5)};
    r.rows = far_rows(kind, r.values, ROWS, WIDTH, NULL);
    r.network = FIXTURE_NETWORK(WIDTH, 5, WIDTH);
    r.optimizer = fixture_adam(0.01f);
    r.trainer = fixture_trainer(
        r.network, r.optimizer, r.rows,
        AE_TRAINER_OPTIONS(.batch = 16, .seed = 3, .threads = 2, .shuffle = AE_SHUFFLE_BLOCKS,
                           .shuffle_block = block, .shuffle_window = window));
    return r;
}

static void steps(run *r, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_ok(ae_trainer_run_step(r->trainer, NULL));
}

static void finish(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->optimizer);
    ae_network_free(r->network);
    ae_dataset_free(r->rows);
    free(r->values);
}

START_TEST(a_run_in_blocks_is_resumed_in_the_middle_of_an_epoch)
{
    run whole = start(FAR_MEMORY, 12, 3), first = start(FAR_MAPPED, 12, 3),
        second = start(FAR_MAPPED, 12, 3), other = start(FAR_MEMORY, 12, 4),
        usual = start(FAR_MEMORY, 0, 0);
    steps(&whole, 40);
    steps(&first, 22); /* 15 an epoch */
    ck_assert_ok(ae_trainer_save_checkpoint(first.trainer, support_path("run.safetensors")));
    ck_assert_status(ae_trainer_resume(other.trainer, support_path("run.safetensors")),
                     AE_ERROR_SHAPE, "shuffle_window is 3 in the checkpoint, 4 in this trainer");
    ck_assert_status(ae_trainer_resume(usual.trainer, support_path("run.safetensors")),
                     AE_ERROR_SHAPE, "shuffle_block is 12 in the checkpoint, 256 in this trainer");
    ck_assert_ok(ae_trainer_resume(second.trainer, support_path("run.safetensors")));
    steps(&second, 18);
    ck_assert(fixture_same_state(whole.network, second.network));
    finish(&whole);
    finish(&first);
    finish(&second);
    finish(&other);
    finish(&usual);
}
END_TEST

START_TEST(options_of_blocks_are_checked)
{
    run r = start(FAR_MEMORY, 12, 3);
    ae_trainer *trainer = NULL;
    ck_assert_status(ae_trainer_create(&trainer, r.network, r.optimizer, r.rows,
                                       AE_TRAINER_OPTIONS(.shuffle_block = 4)),
                     AE_ERROR_INVALID_ARGUMENT, "are for AE_SHUFFLE_BLOCKS");
    ck_assert_status(
        ae_trainer_create(&trainer, r.network, r.optimizer, r.rows,
                          AE_TRAINER_OPTIONS(.shuffle = AE_SHUFFLE_NONE, .shuffle_window = 4)),
        AE_ERROR_INVALID_ARGUMENT, "are for AE_SHUFFLE_BLOCKS");
    ck_assert_status(ae_trainer_create(&trainer, r.network, r.optimizer, r.rows,
                                       AE_TRAINER_OPTIONS(.shuffle = AE_SHUFFLE_BLOCKS,
                                                          .shuffle_block = SIZE_MAX)),
                     AE_ERROR_INVALID_ARGUMENT, "shuffle_block");
    ck_assert_status(ae_trainer_create(&trainer, r.network, r.optimizer, r.rows,
                                       AE_TRAINER_OPTIONS(.shuffle = AE_SHUFFLE_BLOCKS,
                                                          .shuffle_window = SIZE_MAX)),
                     AE_ERROR_INVALID_ARGUMENT, "shuffle_window");
    ck_assert_ptr_null(trainer);
    finish(&r);
}
END_TEST

/* Through two epochs: the window at hand was asked for before it begins, the next one only in the
 * second half of it, and nothing twice. */
START_TEST(blocks_are_asked_for_ahead_also_across_the_border_of_epochs)
{
    enum { ALL = 200, BLOCK = 5, WINDOW = 4, SIZE = BLOCK * WINDOW, STEPS = 20 };
    float *values = fixture_values(ALL * WIDTH, 0, 1, 5);
    ae_dataset *rows = far_mapped("blocks.npy", values, ALL, WIDTH);
    const ae_trainer_options o = {.shuffle = AE_SHUFFLE_BLOCKS,
                                  .batch = ALL / STEPS,
                                  .shuffle_block = BLOCK,
                                  .shuffle_window = WINDOW};
    uint32_t numbers[ALL], next[ALL];
    make(numbers, ALL, BLOCK, WINDOW, 1, 0);
    make(next, ALL, BLOCK, WINDOW, 1, 1);
    size_t asked = aei_order_window(&o, 3);
    ck_assert_uint_eq(asked, SIZE);
    for (size_t step = 3; step < 2 * STEPS; step++) {
        const size_t before = asked, end = (step + 1) * o.batch, window = end / SIZE * SIZE;
        if (step == STEPS)
            asked -= ALL;
        aei_order_hint(&o, rows, numbers, step < STEPS ? next : NULL, step % STEPS, &asked);
        const size_t all = step < STEPS ? asked : ALL + asked;
        ck_assert_uint_ge(all, before);
        ck_assert_uint_le(all, window + 2 * SIZE);
        ck_assert_uint_ge(all, window + SIZE < 2 * (size_t)ALL ? window + SIZE : 2 * ALL);
        if (end % SIZE <= SIZE / 2)
            ck_assert_uint_le(all, window + SIZE);
    }
    ck_assert_uint_eq(asked, ALL);
    ae_dataset_free(rows);
    free(values);
}
END_TEST

Suite *order_suite(void)
{
    Suite *suite = suite_create("order");
    TCase *tcase = tcase_create("order");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, blocks_of_every_size_give_each_row_once);
    tcase_add_test(tcase, a_block_stays_within_a_window);
    tcase_add_test(tcase, an_order_depends_on_seed_and_epoch_alone);
    tcase_add_test(tcase, a_run_in_blocks_is_resumed_in_the_middle_of_an_epoch);
    tcase_add_test(tcase, blocks_are_asked_for_ahead_also_across_the_border_of_epochs);
    tcase_add_test(tcase, options_of_blocks_are_checked);
    suite_add_tcase(suite, tcase);
    return suite;
}
