/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages between processes of MPI: scripts/check-mpi runs this on 1 to 4 ranks of each MPI. It is
 * compiled with a small AE_MPI_BLOCK, so that messages beyond what an int counts are tested without
 * their size. With the argument "silent" the last rank takes no part for a while.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "ranks/messages.h"

#include <libae/libae.h>
#include <libae/mpi.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHECK(holds)                                                                      \
    do {                                                                                  \
        if (!(holds)) {                                                                   \
            (void)fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #holds, \
                          ae_last_error());                                               \
            (void)MPI_Abort(MPI_COMM_WORLD, 1);                                           \
        }                                                                                 \
    } while (0)

enum { MOST_RANKS = 8, MOST_BYTES = 70000 };

/* Around AE_MPI_BLOCK with the header of 64 bytes, and beyond the size up to which MPI copies. */
static const size_t sizes[] = {0, 1, 935, 936, 937, 2936, MOST_BYTES};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static _Alignas(64) unsigned char memory[2][MOST_RANKS][AEI_MESSAGE_HEADER + MOST_BYTES];

static unsigned char byte_of(size_t from, size_t to, size_t i)
{
    return (unsigned char)(from * 59 + to * 17 + i * 3 + i / 256);
}

static void fill(unsigned char *at, size_t bytes, size_t from, size_t to)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = byte_of(from, to, i);
}

static int holds(const unsigned char *at, size_t bytes, size_t from, size_t to)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != byte_of(from, to, i))
            return 0;
    return 1;
}

static void exchange(aei_messages *m, uint64_t step, size_t bytes)
{
    const size_t ranks = aei_messages_ranks(m), rank = aei_messages_rank(m);
    aei_slot slots[2 * MOST_RANKS];
    size_t count = 0;
    aei_messages_begin(m, step, rank == step % ranks ? AEI_WORD_CANCELLED : AEI_WORD_GO, AE_OK);
    for (size_t r = 0; r < ranks; r++) {
        if (r == rank)
            continue;
        slots[count] = (aei_slot){.memory = memory[0][r], .bytes = bytes, .rank = r, .tag = 5};
        CHECK(aei_messages_receive(m, &slots[count++]) == AE_OK);
        fill(memory[1][r] + AEI_MESSAGE_HEADER, bytes, rank, r);
        slots[count] = (aei_slot){.memory = memory[1][r], .bytes = bytes, .rank = r, .tag = 5};
        CHECK(aei_messages_send(m, &slots[count++]) == AE_OK);
    }
    CHECK(aei_messages_wait(m, slots, count) == AE_OK);
    for (size_t r = 0; r < ranks; r++)
        CHECK(r == rank || holds(memory[0][r] + AEI_MESSAGE_HEADER, bytes, r, rank));
    size_t who = ranks;
    CHECK(aei_messages_word(m, &who, NULL) == AEI_WORD_CANCELLED && who == step % ranks);
}

static void talk(const ae_transport *transport)
{
    char name[32];
    CHECK(ae_transport_agree_kernels(transport, 60, name, sizeof name) == AE_OK);
    aei_messages *m = NULL;
    CHECK(aei_messages_create(&m, transport, 60) == AE_OK);
    const size_t ranks = aei_messages_ranks(m), rank = aei_messages_rank(m);
    for (uint64_t step = 0; step < 5 * SIZES; step++)
        exchange(m, step, sizes[step % SIZES]);
    static unsigned char mine[MOST_BYTES], all[MOST_RANKS][MOST_BYTES];
    fill(mine, sizeof mine, rank, 0);
    CHECK(aei_messages_all_gather(m, mine, sizeof mine, all) == AE_OK);
    for (size_t r = 0; r < ranks; r++)
        CHECK(holds(all[r], sizeof mine, r, 0));
    for (size_t root = 0; root < ranks; root++) {
        fill(mine, sizeof mine, rank == root ? root : 100, 1);
        CHECK(aei_messages_broadcast(m, root, mine, sizeof mine) == AE_OK);
        CHECK(holds(mine, sizeof mine, root, 1));
    }
    CHECK(transport->host(transport->user, ranks - 1)[0] != '\0');
    aei_messages_free(m);
    if (rank == 0)
        (void)printf("%zu ranks, %s\n", ranks, name);
}

/* The others find out, and say whom they miss. */
static void fall_silent(const ae_transport *transport)
{
    const size_t last = transport->rank_count - 1;
    if (transport->rank == last) {
        (void)nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
        return;
    }
    char expected[100];
    (void)snprintf(expected, sizeof expected, "rank %zu (%s) silent for 0.3 s at step 7", last,
                   transport->host(transport->user, last));
    aei_messages *m = NULL;
    CHECK(aei_messages_create(&m, transport, 0.3) == AE_OK);
    aei_messages_begin(m, 7, AEI_WORD_GO, AE_OK);
    aei_slot slots[] = {{.memory = memory[0][0], .bytes = 100, .rank = last},
                        {.memory = memory[0][1], .bytes = 60000, .rank = last}};
    CHECK(aei_messages_receive(m, &slots[0]) == AE_OK);
    CHECK(aei_messages_receive(m, &slots[1]) == AE_OK);
    CHECK(aei_messages_wait(m, slots, 2) == AE_ERROR_COMMUNICATION);
    CHECK(strncmp(ae_last_error(), expected, strlen(expected)) == 0);
    aei_messages_free(m);
    if (transport->rank == 0)
        (void)printf("%s\n", ae_last_error());
}

int main(int count, char **arguments)
{
    ae_mpi mpi;
    ae_transport transport;
    int level = 0;
    CHECK(ae_mpi_open(NULL, &transport, MPI_COMM_WORLD) == AE_ERROR_INVALID_ARGUMENT);
    CHECK(ae_mpi_open(&mpi, &transport, MPI_COMM_WORLD) == AE_ERROR_STATE);
    CHECK(strstr(mpi.error, "MPI_Init_thread") != NULL);
    if (count > 1 && strcmp(arguments[1], "single") == 0) {
        (void)MPI_Init_thread(&count, &arguments, MPI_THREAD_SINGLE, &level);
        const ae_status status = ae_mpi_open(&mpi, &transport, MPI_COMM_WORLD);
        CHECK(status == (level < MPI_THREAD_FUNNELED ? AE_ERROR_STATE : AE_OK));
        ae_mpi_close(&mpi);
        return MPI_Finalize();
    }
    (void)MPI_Init_thread(&count, &arguments, MPI_THREAD_FUNNELED, &level);
    CHECK(ae_mpi_open(&mpi, NULL, MPI_COMM_WORLD) == AE_ERROR_INVALID_ARGUMENT);
    CHECK(ae_mpi_open(&mpi, &transport, MPI_COMM_NULL) == AE_ERROR_INVALID_ARGUMENT);
    ae_mpi_close(&mpi);
    CHECK(ae_mpi_open(&mpi, &transport, MPI_COMM_WORLD) == AE_OK);
    if (count > 1 && strcmp(arguments[1], "silent") == 0)
        fall_silent(&transport);
    else
        talk(&transport);
    ae_mpi_close(&mpi);
    ae_mpi_close(NULL);
    return MPI_Finalize();
}
