/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PUBLIC_CALLS_H
#define TESTS_PUBLIC_CALLS_H

/* Every public function that returns a status, called once on a small world, for suites that try
 * each of them where something is short: memory, threads, stack. */
#include "calls_on_data.h"
#include "calls_on_networks.h"
#include "calls_on_trainers.h"

/* What a call changes where it succeeds; a run keeps what it has trained when its checkpoint cannot
 * be written. What a block that is only made smaller fails at does no harm: the call completes. */
enum { NETWORK = 1, FILES = 2, PROGRESS = 4, COMPLETES = 8 };

/* `least` allocations show that the call went through the hooks. */
static const struct call {
    const char *name;
    attempt call;
    size_t least;
    int changes;
} calls[] = {
    {"ae_dataset_create_digits", create_digits, 2, 0},
    {"ae_dataset_create_f32", create_f32, 2, 0},
    {"ae_dataset_create_u8", create_u8, 3, 0},
    {"ae_dataset_create_labelled", create_labelled, 1, 0},
    {"ae_dataset_create_from_callback", create_from_callback, 2, 0},
    {"ae_dataset_create_from_source", create_from_source, 1, 0},
    {"ae_dataset_create_from_arrow", create_from_arrow, 3, COMPLETES},
    {"ae_dataset_concat", concat, 2, 0},
    {"ae_dataset_select", select_rows, 1, 0},
    {"ae_dataset_select_labels", select_labels, 2, 0},
    {"ae_dataset_select_columns", select_columns, 4, COMPLETES},
    {"ae_dataset_shuffle", shuffle, 1, 0},
    {"ae_dataset_view", view, 1, 0},
    {"ae_dataset_split", split, 2, 0},
    {"ae_dataset_open_csv", open_csv, 4, COMPLETES},
    {"ae_dataset_open_csv_memory", open_csv_memory, 4, COMPLETES},
    {"ae_dataset_open_idx", open_idx, 2, 0},
    {"ae_dataset_open_idx_memory", open_idx_memory, 2, 0},
    {"ae_dataset_open_idx_labels", open_idx_labels, 3, 0},
    {"ae_dataset_open_npy", open_npy, 2, 0},
    {"ae_dataset_open_npy", open_npy_mapped, 2, 0},
    {"ae_dataset_open_npy_memory", open_npy_memory, 2, 0},
#ifdef AEI_HAVE_ZLIB
    {"ae_dataset_open_npy", open_packed, 5, COMPLETES},
#endif
    {"ae_dataset_mean", mean, 1, 0},
    {"ae_dataset_read", read_rows, 0, 0},
    {"ae_dataset_check", check_dataset, 0, 0},
    {"ae_dataset_evaluate_mean", evaluate_mean, 1, 0},
    {"ae_csv_write", csv_write, 1, FILES},
    {"ae_npy_write", npy_write, 1, FILES},
    {"ae_network_create", create_network, 3, 0},
    {"ae_network_clone", clone_network, 3, 0},
    {"ae_network_load", load_network, 5, 0},
    {"ae_network_load_memory", load_network_memory, 5, 0},
    {"ae_network_save", save_network, 2, FILES},
    {"ae_network_save_memory", save_network_memory, 1, 0},
    {"ae_network_export_c", export_c, 2, FILES},
    {"ae_network_export_onnx", export_onnx, 0, FILES},
    {"ae_network_evaluate", evaluate, 2, 0},
    {"ae_network_diagnose", diagnose, 10, 0},
    {"ae_diagnosis_text", diagnosis_text, 5, 0},
    {"ae_network_dead_units", dead_units, 1, 0},
    {"ae_network_check_dataset", check_network, 0, 0},
    {"ae_network_fit_error_spread", fit_error_spread, 3, NETWORK},
    {"ae_network_get_error_spread", get_error_spread, 0, 0},
    {"ae_network_set_error_spread", set_error_spread, 0, NETWORK},
    {"ae_network_fit_threshold", fit_threshold, 3, NETWORK},
    {"ae_network_set_threshold", set_threshold, 0, NETWORK},
    {"ae_network_get_threshold", get_threshold, 0, 0},
    {"ae_network_fit_fill", fit_fill, 1, NETWORK},
    {"ae_network_set_fill", set_fill, 0, NETWORK},
    {"ae_network_get_fill", get_fill, 0, NETWORK},
    {"ae_network_fit_scaling", fit_scaling, 1, NETWORK},
    {"ae_network_set_scaling", set_scaling, 1, NETWORK},
    {"ae_network_get_scaling", get_scaling, 1, NETWORK},
    {"ae_network_set_column_names", set_column_names, 1, NETWORK},
    {"ae_network_set_image_size", set_image_size, 0, NETWORK},
    {"ae_network_set_uint8_scale", set_uint8_scale, 0, NETWORK},
    {"ae_network_get_info", get_info, 0, 0},
    {"ae_network_get_layer", get_layer, 0, 0},
    {"ae_network_get_tensor_info", get_tensor_info, 0, 0},
    {"ae_network_get_tensor", get_tensor, 0, 0},
    {"ae_network_set_tensor", set_tensor, 0, NETWORK},
    {"ae_cpu_get_info", cpu_get_info, 0, 0},
    {"ae_session_create", create_session, 3, 0},
    {"ae_session_encode", encode, 0, 0},
    {"ae_session_encode_dataset", encode_dataset, 0, 0},
    {"ae_session_decode", decode, 0, 0},
    {"ae_session_forward", forward, 0, 0},
    {"ae_session_reconstruct", reconstruct, 0, 0},
    {"ae_session_reconstruct_dataset", reconstruct_dataset, 0, 0},
    {"ae_session_score", score, 0, 0},
    {"ae_session_score_dataset", score_dataset, 0, 0},
    {"ae_session_detect", detect, 0, 0},
    {"ae_session_detect_dataset", detect_dataset, 0, 0},
    {"ae_session_save_csv", save_csv, 1, FILES},
    {"ae_session_save_npy", save_npy, 1, FILES},
    {"ae_contributions_top", contributions_top, 0, 0},
    {"ae_optimizer_create_adam", create_adam, 1, 0},
    {"ae_optimizer_create_adamw", create_adamw, 1, 0},
    {"ae_optimizer_create_sgd", create_sgd, 1, 0},
    {"ae_optimizer_set_learning_rate", set_learning_rate, 0, 0},
    {"ae_optimizer_set_schedule", set_schedule, 0, 0},
    {"ae_trainer_create", create_trainer, 10, NETWORK},
    {"ae_trainer_create", create_gradients, 8, NETWORK},
    {"ae_trainer_create", create_regularised, 12, NETWORK},
    {"ae_trainer_create", create_with_holes, 8, 0},
    {"ae_trainer_run_step", run_step, 0, NETWORK},
    {"ae_trainer_run_epoch", run_epoch, 0, NETWORK},
    {"ae_trainer_run", run, 1, NETWORK | FILES | PROGRESS},
    {"ae_trainer_resume", resume, 3, NETWORK},
    {"ae_trainer_resume_memory", resume_memory, 3, NETWORK},
    {"ae_trainer_save_checkpoint", save_checkpoint, 2, FILES},
    {"ae_trainer_save_checkpoint_memory", save_checkpoint_memory, 1, 0},
    {"ae_trainer_write_checkpoint", write_checkpoint, 2, FILES},
    {"ae_trainer_save_history", save_history, 1, FILES},
    {"ae_trainer_restore_best", restore_best, 0, NETWORK},
    {"ae_trainer_get_best", get_best, 0, 0},
    {"ae_trainer_get_epoch", get_epoch, 0, 0},
    {"ae_trainer_get_gradient", get_gradient, 0, 0},
    {"ae_event_writer_create", create_events, 0, FILES},
    {"ae_event_writer_add_scalar", add_scalar, 0, FILES},
    {"ae_event_writer_add_image", add_image, 0, FILES},
    {"ae_event_writer_flush", flush, 0, FILES},
    {"ae_event_writer_resume", resume_events, 0, FILES},
    {"ae_transport_create_threads", create_transports, 1, 0},
    {"ae_transport_agree_kernels", agree_kernels, 1, 0},
};

#endif
