/* SPDX-License-Identifier: BSD-3-Clause */
/* gzip or deflated data. The first byte says which, the second how much comes at a time. */
#include "format/gunzip.h"
#include "fuzz.h"

typedef struct pieces {
    const uint8_t *data;
    size_t left, piece;
} pieces;

static ae_status next_piece(void *context, const unsigned char **data, size_t *size)
{
    pieces *from = context;
    *data = from->data;
    *size = from->left < from->piece ? from->left : from->piece;
    from->data += *size;
    from->left -= *size;
    return AE_OK;
}

/* The sum of all bytes, or how it ended; a bomb is left after a mebibyte. */
static ae_status unpack(aei_gunzip *gunzip, size_t piece, uint64_t *sum)
{
    enum { MOST = 1 << 20 };
    unsigned char *out = malloc(piece);
    size_t total = 0, got = piece;
    ae_status status = out == NULL ? AE_ERROR_OUT_OF_MEMORY : AE_OK;
    while (status == AE_OK && got == piece && total < MOST) {
        status = aei_gunzip_read(gunzip, out, piece, &got);
        FUZZ_REQUIRE(got <= piece && (status == AE_OK || got == 0));
        for (size_t i = 0; i < got; i++)
            *sum = *sum * 31 + out[i];
        total += got;
    }
    free(out);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = {data, size};
    const bool raw = fuzz_byte(&bytes) % 2 != 0;
    const size_t piece = (size_t)fuzz_byte(&bytes) * 16 + 1;
    uint8_t *file = fuzz_rest(&bytes);
    ae_status status[2];
    uint64_t sums[2] = {0, 0};
    /* In small pieces and in large ones: the same bytes, the same answer. */
    for (int i = 0; i < 2; i++) {
        pieces from = {file, bytes.size, i == 0 ? piece : 4096};
        aei_gunzip *gunzip = NULL;
        const ae_status created = aei_gunzip_create(&gunzip, next_piece, &from, raw);
        if (created == AE_ERROR_UNSUPPORTED) { /* a build without zlib */
            free(file);
            return 0;
        }
        FUZZ_REQUIRE(created == AE_OK);
        status[i] = unpack(gunzip, 4096, &sums[i]);
        fuzz_answer(status[i], status[i] == AE_OK ? gunzip : NULL);
        aei_gunzip_free(gunzip);
    }
    FUZZ_REQUIRE(status[0] == status[1] && (status[0] != AE_OK || sums[0] == sums[1]));
    free(file);
    return 0;
}
