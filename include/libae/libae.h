/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libae: dense autoencoders in C.
 *
 * Ten calls do everything: six train a network and save it, four use it.
 *
 *     ae_dataset_open_idx(&images, "train-images-idx3-ubyte.gz", NULL);
 *     ae_network_create(&network, AE_NETWORK_OPTIONS(.code_width = 32));
 *     ae_optimizer_create_adam(&adam, NULL);
 *     ae_trainer_create(&trainer, network, adam, images, AE_TRAINER_OPTIONS(.epochs = 20));
 *     ae_trainer_run(trainer);
 *     ae_network_save(network, "model.safetensors");
 *
 *     ae_network_load(&loaded, "model.safetensors", NULL);
 *     ae_session_create(&session, loaded, NULL);
 *     ae_session_encode(session, rows, count, codes);
 *     ae_session_score(session, rows, count, scores, NULL, NULL);
 *
 * A dataset holds rows of features. A network turns a row into its code (latent vector, embedding)
 * and the code into a reconstruction of the row. A cost (loss) compares the two. A trainer hands
 * the cost's gradients to an optimizer, which changes the network. A session runs the network, in
 * as many threads as one likes.
 *
 * Names and arguments:
 *  - A call bears the name of its object: ae_session_encode.
 *  - create, open, load and clone make an object, save writes one, free takes NULL too. get, set,
 *    has, fit and clear are of a property. run trains. count counts.
 *  - A created object's address comes first; in any other call the subject does. Inputs follow,
 *    then outputs, and options last.
 *  - get copies into a struct or an array; a plain value is returned, as ae_network_input_width.
 *  - Layers, rows and columns are counted from 0, also in error texts; lines and columns of a CSV
 *    file from 1, as editors and spreadsheets count them.
 *
 * Rules that hold everywhere:
 *  - A call that can fail returns ae_status. It writes its outputs on success only, and otherwise
 *    changes nothing; calls that say so may have done a part, such as a run that was cancelled.
 *    ae_last_error() has the details of the calling thread's last failure.
 *  - AE_ERROR_INVALID_ARGUMENT: a NULL, an option, an index out of range. AE_ERROR_SHAPE: widths or
 *    counts that must agree do not. AE_ERROR_NOT_SET: the object has none. AE_ERROR_BUFFER_SIZE:
 *    the caller's buffer is too small.
 *  - Structs for options and results start with their size, which must be set, and grow at the end
 *    only. In options NULL, and zero in any other field, mean the default. A field named reserved
 *    must be 0.
 *  - A count stands beside every array in a struct, and beside one whose length the object does not
 *    fix. Flags in structs are int, 0 or 1.
 *  - The library never prints, ends the program, changes the locale or the environment, or uses the
 *    network.
 */
#ifndef LIBAE_H
#define LIBAE_H

#include <libae/status.h>       /* what a call returns, and what went wrong */
#include <libae/types.h>        /* activations, costs, precision */
#include <libae/dataset.h>      /* rows from memory, IDX and NPY files; what a dataset knows */
#include <libae/csv.h>          /* rows from CSV files */
#include <libae/source.h>       /* rows that the program supplies when they are wanted */
#include <libae/view.h>         /* other rows, labels or columns of a dataset; several as one */
#include <libae/arrow.h>        /* rows from pyarrow, Polars, DuckDB and other Arrow producers */
#include <libae/network.h>      /* create, load, save, describe; tensors by name */
#include <libae/scaling.h>      /* a scaling of each feature, kept in the network */
#include <libae/optimizer.h>    /* Adam, AdamW, SGD, learning rate schedules */
#include <libae/transport.h>    /* how the ranks of a run reach each other */
#include <libae/trainer.h>      /* training, early stopping, gradients */
#include <libae/checkpoint.h>   /* save a run, and take it up where it stopped */
#include <libae/history.h>      /* what each epoch did, and the best one; as CSV or JSON lines */
#include <libae/evaluate.h>     /* costs of a network on a dataset */
#include <libae/session.h>      /* encode, decode, reconstruct, score */
#include <libae/missing.h>      /* rows with missing values */
#include <libae/error_spread.h> /* each feature's usual error, as a unit of scores */
#include <libae/threshold.h>    /* a threshold of the score, and anomalies above it */
#include <libae/results.h>      /* codes, reconstructions and scores as NPY and CSV files */
#include <libae/export.h>       /* a network as C source or as an ONNX model */
#include <libae/events.h>       /* event files for TensorBoard */
#include <libae/cpu.h>          /* processor and kernels */
#include <libae/version.h>      /* of the library */

#endif
