/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_CONTROL_GROUP_H
#define BENCH_CONTROL_GROUP_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A cgroup that bounds the memory of the processes that join it. The program removes its folder. */
static char bench_group[256];

static inline bool bench_put(const char *folder, const char *name, size_t number)
{
    char file[512];
    snprintf(file, sizeof file, "%s/%s", folder, name);
    FILE *f = fopen(file, "w");
    if (f == NULL)
        return false;
    fprintf(f, "%zu\n", number);
    return fclose(f) == 0;
}

/* A cgroup with so much memory: version 1, then 2. */
static inline bool bench_make_group(size_t bytes)
{
    snprintf(bench_group, sizeof bench_group, "/sys/fs/cgroup/memory/libae-bench-%d",
             (int)getpid());
    if (mkdir(bench_group, 0700) == 0 && bench_put(bench_group, "memory.limit_in_bytes", bytes))
        return true;
    (void)rmdir(bench_group);
    snprintf(bench_group, sizeof bench_group, "/sys/fs/cgroup/libae-bench-%d", (int)getpid());
    if (mkdir(bench_group, 0700) == 0 && bench_put(bench_group, "memory.max", bytes))
        return true;
    (void)rmdir(bench_group);
    return false;
}

/* This process joins it. */
static inline bool bench_join_group(void)
{
    return bench_put(bench_group, "cgroup.procs", (size_t)getpid());
}

#endif
