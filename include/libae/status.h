/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_STATUS_H
#define LIBAE_STATUS_H

#include <libae/attributes.h>

AE_BEGIN_DECLS

/*
 * Every status: name, value, message. Values are part of the ABI and never change meaning;
 * new ones are added at the end.
 */
#define AE_STATUS_LIST(X)                                                           \
    X(AE_OK, 0, "success")                                                          \
    X(AE_ERROR_INVALID_ARGUMENT, -1, "an argument is missing or outside its range") \
    X(AE_ERROR_OUT_OF_MEMORY, -2, "not enough memory")                              \
    X(AE_ERROR_IO, -3, "a file could not be read or written")                       \
    X(AE_ERROR_NOT_FOUND, -4, "no such file or tensor")                             \
    X(AE_ERROR_NO_SPACE, -5, "no space left on the device")                         \
    X(AE_ERROR_FORMAT, -6, "a file is damaged or of another format")                \
    X(AE_ERROR_SHAPE, -7, "sizes that must agree differ")                           \
    X(AE_ERROR_DATA, -8, "the data hold a value that cannot be used")               \
    X(AE_ERROR_DIVERGED, -9, "training diverged: the cost is not finite")           \
    X(AE_ERROR_CANCELLED, -10, "stopped by a callback or by ae_trainer_cancel")     \
    X(AE_ERROR_THREAD, -11, "a thread could not be started")                        \
    X(AE_ERROR_UNSUPPORTED, -12, "not supported by this build or this processor")   \
    X(AE_ERROR_STATE, -13, "the call does not fit the object's present state")      \
    X(AE_ERROR_BUFFER_SIZE, -14, "the buffer is too small")                         \
    X(AE_ERROR_NOT_SET, -15, "the object has none")                                 \
    X(AE_ERROR_COMMUNICATION, -16, "another rank of the run cannot be reached")

/**
 * What a fallible call returns: AE_OK (0), or a negative error.
 * @since 0.1
 */
typedef enum ae_status {
#define AE_STATUS_ENUM(name, value, message) name = value,
    AE_STATUS_LIST(AE_STATUS_ENUM)
#undef AE_STATUS_ENUM
} ae_status;

/**
 * The name of a status as written in C, for instance "AE_ERROR_IO".
 *
 * @param status any value
 * @return a string that lives as long as the program; "AE_STATUS_UNKNOWN" for a value not in the
 *         list
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API const char *ae_status_name(ae_status status);

/**
 * One line that says what a status means.
 *
 * @param status any value
 * @return a string that lives as long as the program; "unknown status" for a value not in the list
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API const char *ae_status_message(ae_status status);

/**
 * What went wrong in the last failed call of this thread: which file, row, layer or option, for
 * instance "layer 3: activation 9 is not an ae_activation" (layers are counted from 0). Successful
 * calls leave it alone. It is UTF-8 on one line: control characters and other bytes, as a hostile
 * file or path may have them, are question marks.
 *
 * @return the calling thread's text, at most 511 bytes, valid until its next failing call; "" when
 *         no call of this thread has failed yet; never NULL
 *
 * Thread safety: safe; each thread has its own text.
 * @since 0.1
 */
AE_API const char *ae_last_error(void);

AE_END_DECLS

#endif
