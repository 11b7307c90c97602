/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_PCA_H
#define AEI_PCA_H

#include <libae/dataset.h>
#include <libae/network.h>

#include "model/scaling_internal.h"

/* Rows of more features than this have a covariance too large to keep: 128 MB. */
enum { AEI_PCA_FEATURES = 4096 };

/*
 * Principal components of a dataset as the linear autoencoder that they are: the encoder projects
 * the row, scaled first (scaling NULL: as it is), less the mean onto the first `components` of
 * them, the decoder goes back. The same bits for any number of threads. AE_ERROR_DATA when numbers
 * leave float32, AE_ERROR_OUT_OF_MEMORY, AE_ERROR_THREAD, AE_ERROR_UNSUPPORTED (unknown kernels).
 */
ae_status aei_pca_network(ae_network **linear, const ae_dataset *dataset, size_t components,
                          size_t threads, const char *kernels, const aei_scaling *scaling);

#endif
