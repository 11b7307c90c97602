/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the ABI asks of every struct that starts with its size (docs/abi-policy.md). The build lists
 * all of them, and their members, from the headers (structs.awk): a new one is tested as it comes.
 *
 * A gap between two members, or behind the last, is memory that a compound literal need not clear
 * (C11, 6.2.6.1). A field that a later release puts there would be garbage in programs of today.
 */
#include "fixtures.h"
#include "suites.h"
#include "support.h"

#include <libae/experimental.h>
#include <libae/libae.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct member {
    const char *type, *name;
    size_t struct_size, offset, size;
} member;

#define MEMBER(type, name) \
    {#type, #name, sizeof(type), offsetof(type, name), sizeof(((type *)0)->name)},
#define OPTIONS(...)
static const member members[] = {
#include "structs.inc"
};
#undef MEMBER
#undef OPTIONS

/* Where the struct after that of members[i] starts. */
static size_t next_struct(size_t i)
{
    const size_t first = i;
    while (i < COUNT(members) && strcmp(members[i].type, members[first].type) == 0)
        i++;
    return i;
}

static void note(char *text, size_t room, const char *type, const char *what, size_t bytes)
{
    const size_t used = strlen(text);
    (void)snprintf(text + used, room - used, "\n    %s: %zu bytes %s", type, bytes, what);
}

START_TEST(members_follow_each_other_without_a_gap)
{
    char gaps[4096] = "";
    ck_assert_uint_gt(COUNT(members), 100);
    for (size_t i = 0, end; i < COUNT(members); i = end) {
        end = next_struct(i);
        ck_assert_msg(strcmp(members[i].name, "size") == 0, "%s does not start with its size",
                      members[i].type);
        size_t at = 0;
        for (size_t j = i; j < end; j++) {
            char before[64];
            (void)snprintf(before, sizeof before, "in front of %s", members[j].name);
            if (members[j].offset != at)
                note(gaps, sizeof gaps, members[j].type, before, members[j].offset - at);
            at = members[j].offset + members[j].size;
        }
        if (at != members[i].struct_size)
            note(gaps, sizeof gaps, members[i].type, "at the end", members[i].struct_size - at);
    }
    ck_assert_msg(gaps[0] == '\0', "gaps in public structs:%s", gaps);
}
END_TEST

/* Zeros that the compiler cannot know to be zeros: with constants it clears whole structs. */
static const void *volatile zeros;
#define AT_RUN_TIME(type, member) (*(__typeof__(((type *)0)->member) const *)zeros)

static __attribute__((noinline)) int dirty_the_stack(void)
{
    volatile unsigned char junk[4096];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = 0xAA;
    return junk[7];
}

static __attribute__((noinline)) void check_zeros(const void *options, size_t size,
                                                  const char *type)
{
    const unsigned char *bytes = options;
    size_t told;
    memcpy(&told, options, sizeof told);
    ck_assert_msg(told == size, "%s.size is %zu, not %zu", type, told, size);
    for (size_t i = sizeof told; i < size; i++)
        ck_assert_msg(bytes[i] == 0, "%s: byte %zu of %zu is 0x%02x, not 0", type, i, size,
                      bytes[i]);
}

/* Every options struct has its macro and its init function, of the names that all of them have. */
#define MEMBER(...)
#define OPTIONS(type, macro, ...)                                        \
    static __attribute__((noinline)) void check_macro_##type(void)       \
    {                                                                    \
        check_zeros(macro(__VA_ARGS__), sizeof(type), #type);            \
    }                                                                    \
    static __attribute__((noinline)) void check_init_##type(void *given) \
    {                                                                    \
        memset(given, 0xAA, sizeof(type));                               \
        type##_init(given);                                              \
        type##_init(NULL);                                               \
        check_zeros(given, sizeof(type), #type);                         \
    }
#include "structs.inc"
#undef OPTIONS

static const struct {
    void (*check_macro)(void);
    void (*check_init)(void *given);
} all_options[] = {
#define OPTIONS(type, ...) {check_macro_##type, check_init_##type},
#include "structs.inc"
#undef OPTIONS
#undef MEMBER
};

START_TEST(a_macro_leaves_nothing_of_the_stack_in_its_struct)
{
    zeros = fixture_allocate(1, 64);
    for (size_t i = 0; i < COUNT(all_options); i++) {
        (void)dirty_the_stack();
        all_options[i].check_macro();
    }
}
END_TEST

START_TEST(an_init_function_clears_all_but_the_size)
{
    void *given = fixture_allocate(1, 4096);
    for (size_t i = 0; i < COUNT(all_options); i++)
        all_options[i].check_init(given);
    free(given);
}
END_TEST

/* One call for each struct of options with a reserved field. */
typedef ae_status reader(const void *options);

static ae_status read_adam(const void *options)
{
    ae_optimizer *optimizer = NULL;
    return ae_optimizer_create_adam(&optimizer, options);
}

static ae_status read_dataset(const void *options)
{
    ae_dataset *dataset = NULL;
    return ae_dataset_create_f32(&dataset, &(float){1}, 1, 1, options);
}

static ae_status read_evaluate(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_dataset *dataset = fixture_dataset(4, 2, 1);
    ae_evaluation evaluation = {.size = sizeof evaluation};
    const ae_status status = ae_network_evaluate(network, dataset, &evaluation, options);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

static ae_status read_load(const void *options)
{
    ae_network *network = NULL;
    return ae_network_load(&network, "model.safetensors", options);
}

static ae_status read_network(const void *options)
{
    ae_network *network = NULL;
    return ae_network_create(&network, options);
}

static ae_status read_schedule(const void *options)
{
    ae_optimizer *optimizer = fixture_adam(0.1f);
    const ae_status status = ae_optimizer_set_schedule(optimizer, options);
    ae_optimizer_free(optimizer);
    return status;
}

static ae_status read_threshold(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_dataset *dataset = fixture_dataset(4, 2, 1);
    const ae_status status = ae_network_fit_threshold(network, dataset, options);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

static ae_status read_output(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_dataset *dataset = fixture_dataset(4, 2, 1);
    ae_session *session = NULL;
    ae_status status = ae_session_create(&session, network, NULL);
    if (status == AE_OK)
        status = ae_session_save_csv(session, dataset, support_path("out.csv"), options);
    ae_session_free(session);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

static ae_status read_session(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_session *session = NULL;
    const ae_status status = ae_session_create(&session, network, options);
    ae_network_free(network);
    return status;
}

static ae_status read_trainer(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_optimizer *optimizer = fixture_adam(0.1f);
    ae_dataset *dataset = fixture_dataset(4, 2, 1);
    ae_trainer *trainer = NULL;
    const ae_status status = ae_trainer_create(&trainer, network, optimizer, dataset, options);
    ae_dataset_free(dataset);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    return status;
}

static ae_status read_scaling(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_dataset *dataset = fixture_dataset(4, 2, 1);
    const ae_status status = ae_network_fit_scaling(network, dataset, options);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

static ae_status read_diagnose(const void *options)
{
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_dataset *dataset = fixture_dataset(4, 2, 1);
    ae_diagnosis diagnosis = {.size = sizeof diagnosis};
    const ae_status status = ae_network_diagnose(network, dataset, dataset, &diagnosis, options);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

static ae_status read_csv(const void *options)
{
    ae_dataset *dataset = NULL;
    return ae_dataset_open_csv_memory(&dataset, "1\n", 2, options);
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static ae_status read_arrow(const void *options)
{
    ae_dataset *dataset = NULL;
    struct ArrowArrayStream stream = {.release = release_stream};
    return ae_dataset_create_from_arrow(&dataset, &stream, options);
}

static const struct {
    const char *type;
    reader *read;
} readers[] = {
    {"ae_arrow_options", read_arrow},         {"ae_csv_options", read_csv},
    {"ae_diagnose_options", read_diagnose},   {"ae_scaling_options", read_scaling},
    {"ae_adam_options", read_adam},           {"ae_dataset_options", read_dataset},
    {"ae_evaluate_options", read_evaluate},   {"ae_load_options", read_load},
    {"ae_network_options", read_network},     {"ae_schedule_options", read_schedule},
    {"ae_threshold_options", read_threshold}, {"ae_output_options", read_output},
    {"ae_session_options", read_session},     {"ae_trainer_options", read_trainer},
};

static reader *reader_of(const char *type)
{
    for (size_t i = 0; i < COUNT(readers); i++)
        if (strcmp(readers[i].type, type) == 0)
            return readers[i].read;
    return NULL;
}

START_TEST(reserved_fields_are_refused_unless_0)
{
    size_t found = 0;
    for (size_t i = 0; i < COUNT(members); i++) {
        const member *m = &members[i];
        if (strncmp(m->name, "reserved", 8) != 0 || strstr(m->type, "_options") == NULL)
            continue;
        reader *read = reader_of(m->type);
        ck_assert_msg(read != NULL, "%s has a reserved field, but no call in test_structs.c",
                      m->type);
        unsigned char *options = fixture_allocate(1, m->struct_size);
        memcpy(options, &m->struct_size, sizeof m->struct_size);
        options[m->offset + m->size - 1] = 1;
        const ae_status status = read(options);
        /* A call that this build does not have refuses before it looks at its options. */
        if (strstr(ae_last_error(), "built without") == NULL)
            ck_assert_status(status, AE_ERROR_UNSUPPORTED, "reserved");
        free(options);
        found++;
    }
    ck_assert_uint_gt(found, 0);
}
END_TEST

Suite *structs_suite(void)
{
    Suite *suite = suite_create("structs");
    TCase *layout = tcase_create("layout");
    tcase_add_checked_fixture(layout, NULL, support_dir_remove);
    tcase_add_test(layout, members_follow_each_other_without_a_gap);
    tcase_add_test(layout, a_macro_leaves_nothing_of_the_stack_in_its_struct);
    tcase_add_test(layout, an_init_function_clears_all_but_the_size);
    tcase_add_test(layout, reserved_fields_are_refused_unless_0);
    suite_add_tcase(suite, layout);
    return suite;
}
