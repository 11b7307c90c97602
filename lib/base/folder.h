/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FOLDER_H
#define AEI_FOLDER_H

/* Open a folder, also when a signal interrupts that; -1 with errno. */
int aei_folder_open(const char *path);

/*
 * A process that is killed while it writes a file leaves a temporary one: .STEM.PID-TIME.tmp, and
 * beside it, where two files belong together, .STEM.PID-TIME.tmp.old. A writer that lives has a
 * lock (flock) on its own.
 */

/* The stem of temporary names of a file. */
const char *aei_leftovers_stem(const char *name);

/* Remove this user's leftovers of a file in an open folder. What cannot be removed stays. */
void aei_leftovers_remove(int folder, const char *name);

/* The same for a path. */
void aei_leftovers_remove_of(const char *path);

#endif
