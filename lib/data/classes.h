/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CLASSES_H
#define AEI_CLASSES_H

#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

/* Names of classes, each once. While they are collected a class has the number of its appearance;
 * at the end its place in the alphabet, which no order of rows can change. */
typedef struct aei_class_table aei_class_table;

ae_status aei_class_table_create(aei_class_table **table);
void aei_class_table_free(aei_class_table *table);

/* The number of a name, which is new or known. */
ae_status aei_class_table_add(aei_class_table *table, const char *name, size_t size,
                              int32_t *number);

/*
 * All names sorted by their bytes, in one block that the caller frees: pointers, then what they
 * point to. ranks, which the caller frees too, has the place of each number.
 */
ae_status aei_class_table_sort(const aei_class_table *table, char ***names, size_t *count,
                               int32_t **ranks);

#endif
