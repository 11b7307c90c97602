/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_EVENTS_INTERNAL_H
#define AEI_EVENTS_INTERNAL_H

#include <libae/events.h>

/* ae_event_writer_resume, unless the writer has already written a point or a start: for a run that
 * begins. The same errors. */
ae_status aei_event_writer_begin(ae_event_writer *writer, uint64_t step);

#endif
