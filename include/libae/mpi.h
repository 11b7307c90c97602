/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ranks as processes of MPI: a transport over a communicator of the program's own MPI, Open MPI,
 * MPICH or any other with MPI 3. libae.h does not include this header, and the library knows
 * nothing of MPI: a program that includes it is compiled by the mpicc of its own.
 *
 *     int level;
 *     MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
 *     ae_mpi mpi;
 *     ae_transport transport;
 *     if (ae_mpi_open(&mpi, &transport, MPI_COMM_WORLD) != AE_OK)
 *         fprintf(stderr, "%s\n", mpi.error);
 *     ...
 *     ae_mpi_close(&mpi);
 *     MPI_Finalize();
 *
 * Nothing here starts or ends MPI. After AE_ERROR_COMMUNICATION a program ends with MPI_Abort: MPI
 * cannot take back a message that another rank has half received, so it may still use its memory.
 */
#ifndef LIBAE_MPI_H
#define LIBAE_MPI_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <libae/transport.h>
#include <limits.h>
#include <mpi.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

AE_BEGIN_DECLS

/** Bytes of a rank's host name, the zero byte included. */
#define AE_MPI_HOST_SIZE 64

/** Messages of more bytes are sent as blocks of so many, since MPI counts in int. */
#ifndef AE_MPI_BLOCK
#define AE_MPI_BLOCK INT_MAX
#endif

/**
 * A message under way. Its members are ae_mpi's own.
 * @since 0.1
 */
typedef struct ae_mpi_request {
    MPI_Request request;         /**< MPI's */
    int incoming;                /**< 1: a receive */
    int pending;                 /**< 0: free to be used again */
    struct ae_mpi_request *next; /**< of the same ae_mpi */
} ae_mpi_request;

/**
 * What stands behind a transport over MPI. The caller owns the struct, which must stay where it is
 * while the transport is used; error may be read.
 * @since 0.1
 */
typedef struct ae_mpi {
    MPI_Comm communicator;    /**< a duplicate, whose errors are returned */
    int tag_limit;            /**< the greatest tag of this MPI */
    int abandoned;            /**< 1: a run has failed */
    char *hosts;              /**< [ranks][AE_MPI_HOST_SIZE] */
    ae_mpi_request *requests; /**< all that were ever needed at once */
    const char *error;        /**< what ae_mpi_open found wrong; "" after success */
} ae_mpi;

/** @cond the functions of the transport */

/* Bytes beyond what an int counts are one element of a type of their own: blocks, then the rest. */
static inline int ae_mpi_type(size_t bytes, MPI_Datatype *type)
{
    const size_t block = AE_MPI_BLOCK;
    MPI_Datatype blocks;
    int code = MPI_SUCCESS;
    if (bytes / block > INT_MAX)
        return MPI_ERR_COUNT;
    code = MPI_Type_vector((int)(bytes / block), AE_MPI_BLOCK, AE_MPI_BLOCK, MPI_BYTE, &blocks);
    if (code != MPI_SUCCESS)
        return code;
    {
        int lengths[2] = {1, (int)(bytes % block)};
        MPI_Aint places[2] = {0, (MPI_Aint)(bytes - bytes % block)};
        MPI_Datatype types[2] = {blocks, MPI_BYTE};
        code = MPI_Type_create_struct(2, lengths, places, types, type);
    }
    (void)MPI_Type_free(&blocks);
    if (code == MPI_SUCCESS && (code = MPI_Type_commit(type)) != MPI_SUCCESS)
        (void)MPI_Type_free(type);
    return code;
}

static inline ae_mpi_request *ae_mpi_take(ae_mpi *mpi)
{
    ae_mpi_request *request = mpi->requests;
    while (request != NULL && request->pending)
        request = request->next;
    if (request != NULL)
        return request;
    request = (ae_mpi_request *)malloc(sizeof *request);
    if (request == NULL)
        return NULL;
    request->request = MPI_REQUEST_NULL;
    request->pending = 0;
    request->next = mpi->requests;
    mpi->requests = request;
    return request;
}

static inline int ae_mpi_start(ae_mpi *mpi, const ae_message *message, int incoming, void **handle)
{
    const int large = message->bytes > AE_MPI_BLOCK;
    const int count = large ? 1 : (int)message->bytes;
    const int rank = (int)message->rank, tag = (int)message->tag;
    MPI_Datatype type = MPI_BYTE;
    ae_mpi_request *request;
    int code = MPI_SUCCESS;
    if (message->tag > (uint32_t)mpi->tag_limit)
        return MPI_ERR_TAG;
    request = ae_mpi_take(mpi);
    if (request == NULL)
        return MPI_ERR_NO_MEM;
    if (large && (code = ae_mpi_type(message->bytes, &type)) != MPI_SUCCESS)
        return code;
    if (incoming)
        code = MPI_Irecv(message->data, count, type, rank, tag, mpi->communicator,
                         &request->request);
    else
        code = MPI_Isend(message->data, count, type, rank, tag, mpi->communicator,
                         &request->request);
    if (large) /* MPI keeps it for as long as a message needs it */
        (void)MPI_Type_free(&type);
    if (code != MPI_SUCCESS)
        return code;
    request->incoming = incoming;
    request->pending = 1;
    *handle = request;
    return 0;
}

static inline int ae_mpi_send(void *user, const ae_message *message, void **handle)
{
    return ae_mpi_start((ae_mpi *)user, message, 0, handle);
}

static inline int ae_mpi_receive(void *user, const ae_message *message, void **handle)
{
    return ae_mpi_start((ae_mpi *)user, message, 1, handle);
}

static inline int ae_mpi_test(void *user, void **handle, int *done)
{
    ae_mpi_request *request = (ae_mpi_request *)*handle;
    MPI_Status status;
    const int code = MPI_Test(&request->request, done, &status);
    (void)user;
    if (code != MPI_SUCCESS)
        return code;
    if (*done) {
        request->pending = 0;
        *handle = NULL;
    }
    return 0;
}

/* A receive can be cancelled. A send cannot in every MPI, so that MPI is only told to forget it. */
static inline void ae_mpi_abandon(void *user)
{
    ae_mpi *mpi = (ae_mpi *)user;
    ae_mpi_request *request;
    mpi->abandoned = 1;
    for (request = mpi->requests; request != NULL; request = request->next) {
        MPI_Status status;
        int done = 0;
        if (!request->pending || request->request == MPI_REQUEST_NULL)
            continue;
        if (request->incoming)
            (void)MPI_Cancel(&request->request);
        if (MPI_Test(&request->request, &done, &status) != MPI_SUCCESS || !done)
            (void)MPI_Request_free(&request->request);
        request->pending = 0;
    }
}

static inline const char *ae_mpi_host(void *user, size_t rank)
{
    return ((ae_mpi *)user)->hosts + rank * AE_MPI_HOST_SIZE;
}

static inline ae_status ae_mpi_refuse(ae_mpi *mpi, ae_status status, const char *error)
{
    mpi->error = error;
    return status;
}

/* MPI must run, and let other threads of this process run while this one calls it. */
static inline ae_status ae_mpi_check(ae_mpi *mpi)
{
    int begun = 0, ended = 0, level = 0, is_main = 0;
    (void)MPI_Initialized(&begun);
    (void)MPI_Finalized(&ended);
    if (!begun || ended)
        return ae_mpi_refuse(mpi, AE_ERROR_STATE,
                             "MPI does not run: call MPI_Init_thread before ae_mpi_open, and "
                             "MPI_Finalize after ae_mpi_close");
    if (MPI_Query_thread(&level) != MPI_SUCCESS || level < MPI_THREAD_FUNNELED)
        return ae_mpi_refuse(mpi, AE_ERROR_STATE,
                             "MPI was started for one thread: call MPI_Init_thread with "
                             "MPI_THREAD_FUNNELED instead of MPI_Init");
    if (level == MPI_THREAD_FUNNELED && (MPI_Is_thread_main(&is_main) != MPI_SUCCESS || !is_main))
        return ae_mpi_refuse(mpi, AE_ERROR_STATE,
                             "MPI_THREAD_FUNNELED: only the thread that started MPI may train");
    return AE_OK;
}

/* Names of hosts, and whether every rank had the memory for them. */
static inline ae_status ae_mpi_gather(ae_mpi *mpi, int ranks)
{
    char name[MPI_MAX_PROCESSOR_NAME + 1] = "", mine[AE_MPI_HOST_SIZE] = "";
    int length = 0, own = 0, all = 0;
    mpi->hosts = (char *)calloc((size_t)ranks, AE_MPI_HOST_SIZE);
    own = mpi->hosts != NULL;
    if (MPI_Allreduce(&own, &all, 1, MPI_INT, MPI_MIN, mpi->communicator) != MPI_SUCCESS)
        return ae_mpi_refuse(mpi, AE_ERROR_COMMUNICATION, "MPI_Allreduce failed");
    if (!all)
        return ae_mpi_refuse(mpi, AE_ERROR_OUT_OF_MEMORY, "a rank is out of memory");
    if (MPI_Get_processor_name(name, &length) == MPI_SUCCESS && length > 0)
        memcpy(mine, name, (size_t)length < sizeof mine - 1 ? (size_t)length : sizeof mine - 1);
    if (MPI_Allgather(mine, AE_MPI_HOST_SIZE, MPI_CHAR, mpi->hosts, AE_MPI_HOST_SIZE, MPI_CHAR,
                      mpi->communicator) != MPI_SUCCESS)
        return ae_mpi_refuse(mpi, AE_ERROR_COMMUNICATION, "MPI_Allgather failed");
    return AE_OK;
}

/** @endcond */

/**
 * End the use of a communicator: free the duplicate and the memory. Nothing may use the transport
 * any more: trainers are freed before. After a failed run the duplicate is left to MPI, because
 * freeing it could wait for a rank that is gone.
 *
 * Collective over the communicator; to be called before MPI_Finalize.
 *
 * @param mpi what ae_mpi_open filled in; NULL, and what it refused, do nothing
 *
 * Thread safety: the thread that calls the trainer only.
 * @since 0.1
 */
static inline void ae_mpi_close(ae_mpi *mpi)
{
    int ended = 0;
    if (mpi == NULL)
        return;
    (void)MPI_Finalized(&ended);
    if (mpi->communicator != MPI_COMM_NULL && !mpi->abandoned && !ended)
        (void)MPI_Comm_free(&mpi->communicator);
    mpi->communicator = MPI_COMM_NULL;
    while (mpi->requests != NULL) {
        ae_mpi_request *next = mpi->requests->next;
        free(mpi->requests);
        mpi->requests = next;
    }
    free(mpi->hosts);
    mpi->hosts = NULL;
}

/**
 * A transport between the ranks of a communicator, which is duplicated: messages of libae's never
 * meet the program's own. Collective over the communicator.
 *
 * @param mpi filled in; the caller keeps it where it is and hands it to ae_mpi_close when the last
 *        user of the transport is freed. After an error nothing need be closed, and mpi->error says
 *        what was wrong
 * @param transport filled in, on success only
 * @param communicator the ranks that train together, MPI_COMM_WORLD for instance
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, MPI_COMM_NULL, an intercommunicator);
 *         AE_ERROR_STATE (MPI does not run, was started with MPI_THREAD_SINGLE, or this is not the
 *         thread that may call it); AE_ERROR_COMMUNICATION (a call of MPI failed);
 *         AE_ERROR_OUT_OF_MEMORY (on any rank)
 *
 * Thread safety: the thread that calls the trainer only.
 * @since 0.1
 */
static inline ae_status ae_mpi_open(ae_mpi *mpi, ae_transport *transport, MPI_Comm communicator)
{
    int between = 0, rank = 0, ranks = 0, found = 0, *limit = NULL;
    ae_status status;
    if (mpi == NULL)
        return AE_ERROR_INVALID_ARGUMENT;
    memset(mpi, 0, sizeof *mpi);
    mpi->communicator = MPI_COMM_NULL;
    mpi->error = "";
    if (transport == NULL)
        return ae_mpi_refuse(mpi, AE_ERROR_INVALID_ARGUMENT, "transport is NULL");
    if ((status = ae_mpi_check(mpi)) != AE_OK)
        return status;
    if (communicator == MPI_COMM_NULL ||
        MPI_Comm_test_inter(communicator, &between) != MPI_SUCCESS || between)
        return ae_mpi_refuse(mpi, AE_ERROR_INVALID_ARGUMENT,
                             "the communicator is MPI_COMM_NULL or between two groups");
    if (MPI_Comm_dup(communicator, &mpi->communicator) != MPI_SUCCESS ||
        MPI_Comm_set_errhandler(mpi->communicator, MPI_ERRORS_RETURN) != MPI_SUCCESS ||
        MPI_Comm_rank(mpi->communicator, &rank) != MPI_SUCCESS ||
        MPI_Comm_size(mpi->communicator, &ranks) != MPI_SUCCESS)
        return ae_mpi_refuse(mpi, AE_ERROR_COMMUNICATION, "the communicator cannot be duplicated");
    /* 32767 is the least that the standard allows. */
    mpi->tag_limit = 32767;
    if (MPI_Comm_get_attr(mpi->communicator, MPI_TAG_UB, &limit, &found) == MPI_SUCCESS && found)
        mpi->tag_limit = *limit;
    if ((status = ae_mpi_gather(mpi, ranks)) != AE_OK) {
        ae_mpi_close(mpi);
        return status;
    }
    memset(transport, 0, sizeof *transport);
    transport->size = sizeof *transport;
    transport->user = mpi;
    transport->rank = (size_t)rank;
    transport->rank_count = (size_t)ranks;
    transport->send = ae_mpi_send;
    transport->receive = ae_mpi_receive;
    transport->test = ae_mpi_test;
    transport->abandon = ae_mpi_abandon;
    transport->host = ae_mpi_host;
    return AE_OK;
}

AE_END_DECLS

#endif
