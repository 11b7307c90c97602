/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FIT_ERROR_SPREAD_H
#define AEI_FIT_ERROR_SPREAD_H

#include <libae/error_spread.h>

#include "model/session_internal.h"

/* ae_network_fit_error_spread by a session of the network, on rows of the right width. */
ae_status aei_error_spread_fit(ae_network *network, ae_session *session,
                               const ae_dataset *held_out);

#endif
