/* SPDX-License-Identifier: BSD-3-Clause */
/* A model that PyTorch trained, loaded as it was saved, used from C and exported to C. */
#include <libae/libae.h>
#include <stdio.h>
#include <stdlib.h>

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != AE_OK) \
            goto cleanup;               \
    } while (0)

int main(int argc, char **argv)
{
    char model[4096], table[4096], output[4096], source[4096];
    ae_network *network = NULL;
    ae_dataset *rows = NULL;
    ae_session *session = NULL;
    float *inputs = NULL, *outputs = NULL;
    ae_status status = AE_OK;
    if (argc != 2)
        return 2;
    (void)snprintf(model, sizeof model, "%s/model.safetensors", argv[1]);
    (void)snprintf(table, sizeof table, "%s/rows.npy", argv[1]);
    (void)snprintf(output, sizeof output, "%s/reconstructions.npy", argv[1]);
    (void)snprintf(source, sizeof source, "%s/exported.c", argv[1]);
    TRY(ae_network_load(&network, model,
                        AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_RELU,
                                        .code_activation = AE_ACTIVATION_LINEAR,
                                        .output_activation = AE_ACTIVATION_SIGMOID)));
    for (size_t l = 0; l < ae_network_layer_count(network); l++) {
        ae_layer_info layer = {.size = sizeof layer};
        TRY(ae_network_get_layer(network, l, &layer));
        printf("layer %zu: %zu to %zu%s\n", l, layer.input_width, layer.output_width,
               layer.batch_norm ? ", batch normalisation" : "");
    }
    TRY(ae_dataset_open_npy(&rows, table, NULL));
    const size_t count = ae_dataset_row_count(rows), width = ae_dataset_feature_count(rows);
    inputs = malloc(count * width * sizeof *inputs);
    outputs = malloc(count * width * sizeof *outputs);
    if (inputs == NULL || outputs == NULL)
        goto cleanup;
    TRY(ae_dataset_read(rows, 0, count, inputs));
    TRY(ae_session_create(&session, network, NULL));
    TRY(ae_session_reconstruct(session, inputs, count, outputs));
    TRY(ae_npy_write(output, outputs, count, width));
    TRY(ae_network_export_c(network, source, NULL, AE_EXPORT_C_OPTIONS(.prefix = "model")));
    printf("%zu rows reconstructed; %s written\n", count, source);
cleanup:
    if (status != AE_OK)
        fprintf(stderr, "%s: %s\n", ae_status_name(status), ae_last_error());
    ae_session_free(session);
    ae_dataset_free(rows);
    ae_network_free(network);
    free(inputs);
    free(outputs);
    return status == AE_OK && outputs != NULL ? 0 : 1;
}
