/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_EVENTS_H
#define LIBAE_EVENTS_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Writes an event file that TensorBoard shows: curves of scalars, and pictures, under tags.
 *
 *     ae_event_writer *log = NULL;
 *     s = ae_event_writer_create(&log, "runs/first", NULL);
 *     if (!s) s = ae_trainer_create(&run, net, adam, digits, AE_TRAINER_OPTIONS(.events = log));
 *
 * writes a trainer's costs; `tensorboard --logdir runs` shows them while it trains. The slashes of
 * a tag make groups: "loss/train" and "loss/test" are shown together.
 *
 * A run that was stopped goes on in the same folder with a new writer. A trainer that resumes a
 * checkpoint, or puts its state back after divergence, says so in its file: TensorBoard then drops
 * the points from that step on that were written before, so that no step appears twice. A program
 * that writes points of its own calls ae_event_writer_resume.
 *
 * Each record is written in one piece before the call returns: TensorBoard sees it at once, and a
 * program that is killed leaves whole records. ae_event_writer_flush also guards against power
 * cuts. A record that cannot be written, because the disk is full, leaves no trace; the next one
 * may be tried.
 *
 * Built without protobuf-c, ae_event_writer_create returns AE_ERROR_UNSUPPORTED.
 *
 * Thread safety: any number of threads may add to a writer and flush it at once.
 * @since 0.1
 */
typedef struct ae_event_writer ae_event_writer;

/**
 * How to write events. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_event_writer_options {
    /** sizeof(ae_event_writer_options); AE_EVENT_WRITER_OPTIONS fills it in */
    size_t size;
    /**
     * Gives the time of an event in seconds since 1970, from 0 to 2^53: for logs that are
     * converted, and for files that must be the same byte for byte. Called in the threads that add
     * events. Default: the system's clock.
     */
    double (*clock)(void *user);
    /** passed to clock */
    void *user;
} ae_event_writer_options;

/** Options in place. C only; C++ calls ae_event_writer_options_init. */
#define AE_EVENT_WRITER_OPTIONS(...) \
    (&(ae_event_writer_options){.size = sizeof(ae_event_writer_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_event_writer_options_init(ae_event_writer_options *options);

/**
 * Begin a new event file, events.out.tfevents.SECONDS.HOST.PROCESS.N, where N is the first number
 * that is free. TensorBoard shows all files of a folder as one run.
 *
 * @param writer receives the writer, which the caller frees with ae_event_writer_free; untouched on
 *         error
 * @param folder an existing folder
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a clock outside its range); AE_ERROR_NOT_FOUND
 *         (no such folder); AE_ERROR_NO_SPACE; AE_ERROR_IO; AE_ERROR_UNSUPPORTED (a build without
 *         protobuf-c); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD (no lock)
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_event_writer_create(ae_event_writer **writer, const char *folder,
                                                   const ae_event_writer_options *options);

/**
 * Close the file and free the writer; NULL is allowed.
 *
 * Thread safety: uses writer.
 * @since 0.1
 */
AE_API void ae_event_writer_free(ae_event_writer *writer);

/**
 * The file's name, folder included; lives as long as the writer. "" for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API const char *ae_event_writer_path(const ae_event_writer *writer);

/**
 * Add a point of a curve.
 *
 * @param tag names the curve; UTF-8, 1 to 1024 bytes
 * @param step where on the x-axis, up to 2^63 - 1
 * @param value rounded to float32, which is what TensorBoard keeps; NaN and infinity are shown as
 *         such
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, tag or step outside its range, a clock outside
 *         its range); AE_ERROR_NO_SPACE, AE_ERROR_IO (the record is not in the file);
 *         AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe. Once a record as long has been written, this allocates nothing.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_event_writer_add_scalar(ae_event_writer *writer, const char *tag,
                                                       uint64_t step, double value);

/**
 * Add a picture, which is stored as PNG.
 *
 * @param tag names the series of pictures; UTF-8, 1 to 1024 bytes
 * @param step as in ae_event_writer_add_scalar
 * @param width pixels in a row, 1 to 65535
 * @param height rows, 1 to 65535
 * @param channels 1 grey, 3 RGB, 4 RGB and opacity
 * @param pixels height x width x channels bytes, row by row from the top, 0 black to 255 white, at
 *         most 2^30 bytes
 * @return as ae_event_writer_add_scalar; AE_ERROR_UNSUPPORTED (a build without libpng)
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_event_writer_add_image(ae_event_writer *writer, const char *tag,
                                                      uint64_t step, size_t width, size_t height,
                                                      size_t channels, const uint8_t *pixels);

/**
 * Say that the run goes on at a step, after it was stopped and before new points are added. Where
 * TensorBoard finds this, it drops all points of the folder, whatever their tags, that were written
 * before and have this step or a later one. A trainer with events does it by itself.
 *
 * @param step the first one that will be added again, up to 2^63 - 1; 0 drops all points
 * @return as ae_event_writer_add_scalar
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_event_writer_resume(ae_event_writer *writer, uint64_t step);

/**
 * Wait until all that was added is on the device.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (NULL); AE_ERROR_NO_SPACE, AE_ERROR_IO
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_event_writer_flush(ae_event_writer *writer);

AE_END_DECLS

#endif
