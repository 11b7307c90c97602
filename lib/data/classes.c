/* SPDX-License-Identifier: BSD-3-Clause */
#include "data/classes.h"

#include "base/error.h"
#include "base/grow.h"
#include "base/quote.h"

#include <stdlib.h>
#include <string.h>

struct aei_class_table {
    char *text; /* the names, each with a zero byte behind it */
    size_t size, room;
    size_t *starts;
    size_t count, starts_room;
    uint32_t *slots; /* open addressing: number + 1, or 0; twice as many as names at least */
    size_t slot_count;
};

ae_status aei_class_table_create(aei_class_table **table)
{
    enum { SLOTS = 64 };
    aei_class_table *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    made->slots = calloc(SLOTS, sizeof *made->slots);
    made->slot_count = SLOTS;
    if (made->slots == NULL) {
        free(made);
        return aei_fail_memory(SLOTS * sizeof *made->slots);
    }
    *table = made;
    return AE_OK;
}

void aei_class_table_free(aei_class_table *table)
{
    if (table == NULL)
        return;
    free(table->text);
    free(table->starts);
    free(table->slots);
    free(table);
}

/* FNV-1a. */
static uint32_t hash(const char *name, size_t size)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return h;
}

/* Where a name is, or where it would go. slot_count is a power of two. */
static uint32_t *find_slot(const aei_class_table *table, const char *name, size_t size)
{
    size_t at = hash(name, size) & (table->slot_count - 1);
    for (; table->slots[at] != 0; at = (at + 1) & (table->slot_count - 1)) {
        const char *known = table->text + table->starts[table->slots[at] - 1];
        if (strncmp(known, name, size) == 0 && known[size] == '\0')
            break;
    }
    return &table->slots[at];
}

static ae_status grow_slots(aei_class_table *table)
{
    uint32_t *old = table->slots;
    const size_t count = table->slot_count * 2;
    uint32_t *made = calloc(count, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(count * sizeof *made);
    table->slots = made;
    table->slot_count = count;
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->text + table->starts[i];
        *find_slot(table, name, strlen(name)) = (uint32_t)i + 1;
    }
    free(old);
    return AE_OK;
}

ae_status aei_class_table_add(aei_class_table *table, const char *name, size_t size,
                              int32_t *number)
{
    uint32_t *slot = find_slot(table, name, size);
    if (*slot != 0) {
        *number = (int32_t)(*slot - 1);
        return AE_OK;
    }
    if (table->count == INT32_MAX)
        return aei_fail(AE_ERROR_UNSUPPORTED, "more than %d classes", INT32_MAX);
    void *text = table->text, *starts = table->starts;
    ae_status status = aei_grow(&text, &table->room, table->size + size + 1, 1);
    table->text = text;
    AE_TRY(status);
    status = aei_grow(&starts, &table->starts_room, table->count + 1, sizeof *table->starts);
    table->starts = starts;
    AE_TRY(status);
    memcpy(table->text + table->size, name, size);
    table->text[table->size + size] = '\0';
    table->starts[table->count] = table->size;
    table->size += size + 1;
    *number = (int32_t)table->count++;
    *slot = (uint32_t)table->count;
    return table->count * 2 <= table->slot_count ? AE_OK : grow_slots(table);
}

typedef struct entry {
    const char *name;
    int32_t number;
} entry;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

ae_status aei_class_table_sort(const aei_class_table *table, char ***names, size_t *count,
                               int32_t **ranks)
{
    const size_t n = table->count, block = n * sizeof(char *) + table->size;
    entry *entries = malloc(n * sizeof *entries);
    int32_t *places = malloc(n * sizeof *places);
    char **made = malloc(block);
    if (entries == NULL || places == NULL || made == NULL) {
        free(entries);
        free(places);
        free(made);
        return aei_fail_memory(block);
    }
    char *text = (char *)(made + n);
    memcpy(text, table->text, table->size);
    for (size_t i = 0; i < n; i++)
        entries[i] = (entry){table->text + table->starts[i], (int32_t)i};
    qsort(entries, n, sizeof *entries, by_name);
    for (size_t i = 0; i < n; i++) {
        made[i] = text + table->starts[entries[i].number];
        aei_clean(made[i], strlen(made[i]));
        places[entries[i].number] = (int32_t)i;
    }
    free(entries);
    *names = made;
    *count = n;
    *ranks = places;
    return AE_OK;
}
