/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libae: dense autoencoders in C.
 *
 * Data flows one way: a dataset gives batches, a network turns a batch into reconstructions, a
 * cost compares the two, a trainer sends the cost's gradients to an optimizer, which changes the
 * network. A session runs a finished network.
 *
 *     ae_dataset_open_idx -> ae_network_create -> ae_optimizer_create_adam
 *         -> ae_trainer_create -> ae_trainer_run -> ae_network_save
 *     ae_network_load -> ae_session_create -> ae_session_encode, ae_session_decode,
 *     ae_session_reconstruct, ae_session_score, ae_session_detect
 *
 * Rules that hold everywhere:
 *  - A fallible call returns ae_status; out-parameters come first and are written on success only.
 *  - ae_last_error() has the details of the calling thread's last failure.
 *  - Options and result structs carry their size first, which must be set (0 is an error), and only
 *    ever grow at the end; in options any other field that is zero means the default.
 *  - Every object has one _free, which accepts NULL.
 *  - The library never prints, exits, changes the locale or the environment, or uses the network.
 */
#ifndef LIBAE_H
#define LIBAE_H

#include <libae/cpu.h>
#include <libae/dataset.h>
#include <libae/evaluate.h>
#include <libae/events.h>
#include <libae/export.h>
#include <libae/network.h>
#include <libae/optimizer.h>
#include <libae/results.h>
#include <libae/session.h>
#include <libae/status.h>
#include <libae/threshold.h>
#include <libae/trainer.h>
#include <libae/types.h>
#include <libae/version.h>

#endif
