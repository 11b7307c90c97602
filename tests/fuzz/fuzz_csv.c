/* SPDX-License-Identifier: BSD-3-Clause */
/* A CSV file, plain or gzip. The first bytes choose the options. */
#include "fuzz.h"

static int separator(uint8_t byte)
{
    static const char known[] = {0, ',', ';', '\t', '|', ' ', '#', '\''};
    return byte < 128 ? known[byte % sizeof known] : byte - 128;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = {data, size};
    char name[2][8];
    const char *names[2] = {name[0], name[1]};
    const size_t columns[] = {2, 1};
    const uint8_t toggles = fuzz_byte(&bytes), choice = fuzz_byte(&bytes);
    ae_csv_options options = {.size = sizeof options};
    options.header = (ae_toggle)(toggles % 3);
    options.numeric_only = toggles & 4 ? AE_TOGGLE_ON : AE_TOGGLE_DEFAULT;
    options.missing = toggles & 8 ? AE_MISSING_KEEP : AE_MISSING_REFUSE;
    options.decimal = toggles & 16 ? ',' : 0;
    options.text_labels = (ae_toggle)((toggles >> 5) % 3);
    options.delimiter = separator(fuzz_byte(&bytes));
    options.comment = separator(fuzz_byte(&bytes));
    options.skip_lines = choice >> 6;
    options.label_column = choice >> 4 & 3;
    if (choice % 8 > 3)
        fuzz_text(&bytes, name[0], sizeof name[0]), fuzz_text(&bytes, name[1], sizeof name[1]);
    if (choice % 8 == 3)
        options.columns = columns, options.column_count = 2;
    if (choice % 8 == 4)
        options.column_names = names, options.column_count = 2;
    if (choice % 8 == 5)
        options.drop_names = names, options.drop_count = 2;
    if (choice % 8 > 5)
        options.label_name = name[0], options.label_column = 0;
    uint8_t *file = fuzz_rest(&bytes);
    ae_dataset *dataset = NULL;
    const ae_status status = ae_dataset_open_csv_memory(&dataset, file, bytes.size, &options);
    fuzz_dataset(status, dataset);
    free(file);
    return 0;
}
