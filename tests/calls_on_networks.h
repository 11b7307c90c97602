/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_CALLS_ON_NETWORKS_H
#define TESTS_CALLS_ON_NETWORKS_H

/* The public calls on networks and sessions, each once. */
#include "world.h"

CREATES(create_network, ae_network,
        ae_network_create(&made,
                          AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 4, FEATURES},
                                             .width_count = 3)))
CREATES(clone_network, ae_network, ae_network_clone(&made, w->network))
CREATES(load_network, ae_network, ae_network_load(&made, support_path("model.safetensors"), NULL))
CREATES(load_network_memory, ae_network,
        ae_network_load_memory(&made, w->model.data, w->model.size, NULL))

static ae_status save_network_memory(world *w)
{
    static unsigned char buffer[1 << 16];
    size_t size = 0;
    return ae_network_save_memory(w->network, buffer, sizeof buffer, &size);
}

static ae_status export_c(world *w)
{
    ae_export_c_info info = {.size = sizeof info};
    return ae_network_export_c(w->network, support_path("digits"), &info, NULL);
}

static ae_status evaluate(world *w)
{
    ae_evaluation result = {.size = sizeof result};
    return ae_network_evaluate(w->network, w->training, &result, AE_EVALUATE_OPTIONS(.threads = 2));
}

static ae_status diagnose(world *w)
{
    ae_diagnosis result = {.size = sizeof result};
    return ae_network_diagnose(w->network, w->training, w->validation, &result,
                               AE_DIAGNOSE_OPTIONS(.threads = 2));
}

static ae_status diagnosis_text(world *w)
{
    char text[4096];
    ae_diagnosis result = {.size = sizeof result};
    const ae_status status = ae_network_diagnose(w->network, w->training, w->validation, &result,
                                                 NULL);
    return status != AE_OK ? status : ae_diagnosis_text(&result, text, sizeof text);
}

/* One count for each layer. */
static ae_status dead_units(world *w)
{
    size_t counts[4];
    return ae_network_dead_units(w->network, w->training, counts, 4);
}

/* What an attempt reads goes here. */
static float kept_values[FEATURES], kept_scale[FEATURES] = {1, 1, 1, 1, 1, 1};

CALLS(check_network, ae_network_check_dataset(w->network, w->training))
CALLS(save_network, ae_network_save(w->network, support_path("model.safetensors")))
CALLS(export_onnx, or_none(w, ae_network_export_onnx(w->network, support_path("model.onnx"), NULL)))
CALLS(fit_error_spread,
      ae_network_fit_error_spread(w->network, w->training, AE_ERROR_SPREAD_OPTIONS(.threads = 2)))
CALLS(get_error_spread, ae_network_get_error_spread(w->network, kept_values))
CALLS(set_error_spread, ae_network_set_error_spread(w->network, kept_scale))
CALLS(fit_threshold, ae_network_fit_threshold(w->network, w->training,
                                              AE_THRESHOLD_OPTIONS(.quantile = 1, .threads = 2)))
CALLS(set_threshold, ae_network_set_threshold(w->network, 3, NULL))
CALLS(get_threshold,
      ae_network_get_threshold(w->network, &(ae_threshold){.size = sizeof(ae_threshold)}))
CALLS(fit_fill, ae_network_fit_fill(w->network, w->holes))
CALLS(set_fill, ae_network_set_fill(w->network, kept_scale))
CALLS(fit_scaling, ae_network_fit_scaling(w->network, w->training, NULL))
CALLS(set_scaling, ae_network_set_scaling(w->network, kept_scale, kept_scale))
CALLS(set_column_names, ae_network_set_column_names(w->network, column_names, FEATURES))
CALLS(set_image_size, ae_network_set_image_size(w->network, 2, 3))
CALLS(set_uint8_scale, ae_network_set_uint8_scale(w->network, 0.5f))
CALLS(get_info,
      ae_network_get_info(w->network, &(ae_network_info){.size = sizeof(ae_network_info)}))
CALLS(get_layer,
      ae_network_get_layer(w->network, 0, &(ae_layer_info){.size = sizeof(ae_layer_info)}))
CALLS(get_tensor_info,
      ae_network_get_tensor_info(w->network, 0, &(ae_tensor_info){.size = sizeof(ae_tensor_info)}))
CALLS(get_tensor, ae_network_get_tensor(w->network, "decoder.1.bn.bias", kept_values, FEATURES))
CALLS(set_tensor, ae_network_set_tensor(w->network, "decoder.1.bn.bias", kept_scale, FEATURES))
CALLS(cpu_get_info, ae_cpu_get_info(&(ae_cpu_info){.size = sizeof(ae_cpu_info)}))

static ae_status get_fill(world *w)
{
    const ae_status status = ae_network_set_fill(w->network, kept_scale);
    return status != AE_OK ? status : ae_network_get_fill(w->network, kept_values);
}

static ae_status get_scaling(world *w)
{
    const ae_status status = ae_network_set_scaling(w->network, kept_scale, kept_scale);
    return status != AE_OK ? status : ae_network_get_scaling(w->network, kept_values, kept_scale);
}

/* --- sessions --------------------------------------------------------------------------------- */

static float outputs[TABLE_ROWS * FEATURES], scores[TABLE_ROWS];
static unsigned char flags[TABLE_ROWS];

CREATES(create_session, ae_session,
        ae_session_create(&made, w->network, AE_SESSION_OPTIONS(.max_batch = 8, .threads = 3)))
CALLS(encode, ae_session_encode(w->session, w->rows, TABLE_ROWS, outputs))
CALLS(encode_dataset, ae_session_encode_dataset(w->session, w->training, outputs))
CALLS(decode, ae_session_decode(w->session, w->rows, TABLE_ROWS, outputs))
CALLS(forward, ae_session_forward(w->session, w->rows, TABLE_ROWS, 1, outputs))
CALLS(reconstruct, ae_session_reconstruct(w->session, w->rows, TABLE_ROWS, outputs))
CALLS(reconstruct_dataset, ae_session_reconstruct_dataset(w->session, w->training, outputs))
CALLS(score, ae_session_score(w->session, w->rows, TABLE_ROWS, scores, outputs, NULL))
CALLS(score_dataset, ae_session_score_dataset(w->session, w->training, scores, outputs, NULL))
CALLS(detect, ae_session_detect(w->session, w->rows, TABLE_ROWS, flags, scores))
CALLS(detect_dataset, ae_session_detect_dataset(w->session, w->training, flags, scores))
CALLS(save_csv, ae_session_save_csv(w->session, w->training, support_path("out.csv"), NULL))
CALLS(save_npy, ae_session_save_npy(w->session, w->training, support_path("out.npy"), NULL))
CALLS(contributions_top, ae_contributions_top(w->rows, FEATURES, 2, (size_t[]){0, 0}))

#endif
