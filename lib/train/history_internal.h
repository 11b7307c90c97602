/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_HISTORY_INTERNAL_H
#define AEI_HISTORY_INTERNAL_H

#include "train/trainer_internal.h"

/* A field of a struct that is written to files by its name. */
typedef enum aei_field_kind { AEI_FIELD_COUNT, AEI_FIELD_REAL, AEI_FIELD_FLAG } aei_field_kind;

typedef struct aei_field {
    const char *name;
    size_t offset;
    aei_field_kind kind; /* uint64_t, double, int */
} aei_field;

/* The name in files is the field's name in C, so the two cannot come apart. */
#define AEI_FIELD(type, name, kind)       \
    {                                     \
#name, offsetof(type, name), kind \
    }

/* The history's columns, in this order in every format: fields of ae_epoch_info. */
enum { AEI_HISTORY_FIELDS = 11, AEI_HISTORY_TEXT = 256 };
/* How many there were when the format was made: no file has fewer. */
enum { AEI_HISTORY_FIRST_FIELDS = 10 };
extern const aei_field aei_history_fields[AEI_HISTORY_FIELDS];

/* Their names, "epoch,step,...": later versions may add columns at the end. */
const char *aei_history_columns(char text[AEI_HISTORY_TEXT]);

/* A field as a number and back. Counts stay exact up to 2^53. */
double aei_history_get(const ae_epoch_info *entry, size_t field);
void aei_history_set(ae_epoch_info *entry, size_t field, double value);

#endif
