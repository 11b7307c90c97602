/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_WORLD_STATE_H
#define TESTS_WORLD_STATE_H

/* What a world looks like from outside, so that a call that failed can be seen to have changed
 * nothing. */
#include "world.h"

#include <dirent.h>

/* Every byte of every file in the test's folder, in a number. Event files, which grow with each
 * call, are left out. */
static inline uint64_t files_state(void)
{
    uint64_t state = 0;
    DIR *folder = opendir(support_dir());
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t size = 0;
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, "events", 6) == 0)
            continue;
        unsigned char *data = support_read(support_path(entry->d_name), &size);
        uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ size; /* FNV-1a */
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
        state += hash;
        free(data);
    }
    (void)closedir(folder);
    return state;
}

/* What the world looks like from outside. */
typedef struct picture {
    uint64_t files;
    float output[TABLE_ROWS * FEATURES];
    ae_network *network;
} picture;

static inline picture look(world *w)
{
    picture p = {.files = files_state()};
    ck_assert_ok(ae_network_clone(&p.network, w->network));
    ck_assert_ok(ae_session_reconstruct(w->session, w->rows, TABLE_ROWS, p.output));
    return p;
}

/* Unchanged, and everything still works. */
static inline void compare(world *w, const picture *before, const char *name, size_t n)
{
    picture now = look(w);
    ck_assert_msg(now.files == before->files, "%s, failure %zu: a file changed", name, n);
    ck_assert_msg(fixture_same_state(now.network, before->network),
                  "%s, failure %zu: the network changed", name, n);
    ck_assert_mem_eq(now.output, before->output, sizeof now.output);
    ae_network_free(now.network);
}

#endif
