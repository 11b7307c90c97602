/* SPDX-License-Identifier: BSD-3-Clause */
/* What kind of file is this, if not the one that was asked for? Where a reader finds that a file is
 * none of its own, a person wants to know what it is and what to do with it. */
#include "format/file_kind.h"

#include "base/error.h"
#include "format/bytes.h"
#include "format/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct kind {
    const char *name;
    const char *rows;  /* what to do to get rows of it */
    const char *model; /* or a network */
    aei_reader own;    /* who reads it */
} kind;

#define SAVE_STATE_DICT                    \
    "save the state dict in PyTorch with " \
    "safetensors.torch.save_file(model.state_dict(), path); libae's docs/pytorch.md shows how"
#define NO_MODEL "libae's models are safetensors files, which ae_network_save writes"
#define SAVE_NPY "save its numbers in Python with numpy.save, for ae_dataset_open_npy"
#define PYTHON(with) "read it in Python with " with " and save the numbers with numpy.save"
#define DOWNLOAD "the download went wrong: fetch the file again"
#define PICTURE "save the pixels of all pictures as one array, with numpy.save"
#define NO_ROWS "it holds no table of numbers"

/* Files of tables, of weights, and those with which the same is to be done for either. */
#define DATA(name, rows)                      \
    {                                         \
        name, rows, NO_MODEL, AEI_READER_NONE \
    }
#define WEIGHTS(name, rows, model)         \
    {                                      \
        name, rows, model, AEI_READER_NONE \
    }
#define BOTH(name, what) WEIGHTS(name, what, what)

/* Where the bytes stand, the bytes, and what they say. Texts are told before: a column may be
 * called PAR1. */
static const struct {
    unsigned short offset, size;
    const char *bytes;
    kind is;
} kinds[] = {
#define M(offset, bytes) (offset), sizeof(bytes) - 1, (bytes)
    {M(0, "\x1F\x8B"), BOTH("gzip data", "unpack it first, with gunzip")},
    {M(0, "BZh"), BOTH("bzip2 data", "unpack it first, with bunzip2")},
    {M(0, "\xFD\x37zXZ\0"), BOTH("xz data", "unpack it first, with unxz")},
    {M(0, "\x28\xB5\x2F\xFD"), BOTH("zstd data", "unpack it first, with unzstd")},
    {M(0, "\x04\x22\x4D\x18"), BOTH("lz4 data", "unpack it first, with unlz4")},
    {M(0, "\x1F\x9D"), BOTH("compress data (.Z)", "unpack it first, with uncompress")},
    {M(0, "7z\xBC\xAF\x27\x1C"), BOTH("a 7z archive", "unpack it first, with 7z x")},
    {M(0, "Rar!\x1A\x07"), BOTH("a RAR archive", "unpack it first, with unrar x")},
    {M(257, "ustar"), BOTH("a tar archive", "unpack it first, with tar xf")},
    {M(0, "PK\5\6"), DATA("an empty zip archive", NO_ROWS)},
    {M(0, "\x93NUMPY"), {"an NPY file", "ae_dataset_open_npy reads it", NO_MODEL, AEI_READER_NPY}},
    {M(0, "\x89HDF\r\n\x1A\n"),
     WEIGHTS("an HDF5 file, as h5py and Keras write them", PYTHON("h5py"),
             "copy the weights into a safetensors file, with h5py and safetensors")},
    {M(0, "MATLAB 5.0 MAT-file"), DATA("a MATLAB file", PYTHON("scipy.io.loadmat"))},
    {M(0, "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19"),
     WEIGHTS("a pickle of an old torch.save", SAVE_NPY, SAVE_STATE_DICT)},
    {M(0, "\x80\x02"), WEIGHTS("a Python pickle", SAVE_NPY, SAVE_STATE_DICT)},
    {M(0, "\x80\x03"), WEIGHTS("a Python pickle", SAVE_NPY, SAVE_STATE_DICT)},
    {M(0, "\x80\x04\x95"), WEIGHTS("a Python pickle", SAVE_NPY, SAVE_STATE_DICT)},
    {M(0, "\x80\x05\x95"), WEIGHTS("a Python pickle", SAVE_NPY, SAVE_STATE_DICT)},
    {M(0, "PAR1"), DATA("a Parquet file", PYTHON("pandas.read_parquet"))},
    {M(0, "PARE"), DATA("an encrypted Parquet file", PYTHON("pyarrow"))},
    {M(0, "ARROW1\0\0"), DATA("an Arrow IPC (Feather) file", PYTHON("pandas.read_feather"))},
    {M(0, "\xFF\xFF\xFF\xFF"), DATA("an Arrow IPC stream", PYTHON("pyarrow.ipc.open_stream"))},
    {M(0, "FEA1"), DATA("a Feather file", PYTHON("pandas.read_feather"))},
    {M(0, "ORC"), DATA("an ORC file", PYTHON("pandas.read_orc"))},
    {M(0, "Obj\1"), DATA("an Avro file", SAVE_NPY)},
    {M(0, "CDF\1"), DATA("a NetCDF file", SAVE_NPY)},
    {M(0, "CDF\2"), DATA("a NetCDF file", SAVE_NPY)},
    {M(0, "SQLite format 3\0"),
     DATA("an SQLite database", "export the table as CSV: .mode csv in sqlite3")},
    {M(8, "DUCK"), DATA("a DuckDB database", "export the table as CSV: COPY t TO 'file.csv'")},
    {M(0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
     DATA("an old Excel or Office file", "save the sheet as CSV")},
    {M(0, "GGUF"), WEIGHTS("a GGUF model", NO_ROWS, SAVE_STATE_DICT)},
    {M(4, "TFL3"), DATA("a TensorFlow Lite model", NO_ROWS)},
    {M(0, "\x89PNG\r\n\x1A\n"), DATA("a PNG picture", PICTURE)},
    {M(0, "\xFF\xD8\xFF"), DATA("a JPEG picture", PICTURE)},
    {M(0, "GIF8"), DATA("a GIF picture", PICTURE)},
    {M(0, "II*\0"), DATA("a TIFF picture", PICTURE)},
    {M(0, "MM\0*"), DATA("a TIFF picture", PICTURE)},
    {M(0, "RIFF"), DATA("a RIFF file (WAV, AVI or WebP)", SAVE_NPY)},
    {M(0, "%PDF-"), DATA("a PDF document", NO_ROWS)},
    {M(0, "\177ELF"), DATA("a program or library (ELF)", NO_ROWS)},
    {M(0, "MZ"), DATA("a Windows program", NO_ROWS)},
#undef M
};

/* What texts begin with, after blanks, in small letters. */
static const struct {
    const char *start;
    kind is;
} texts[] = {
    {"version https://git-lfs", BOTH("a Git LFS pointer", "fetch the file with git lfs pull")},
    {"<!doctype", BOTH("an HTML page", DOWNLOAD)},
    {"<html", BOTH("an HTML page", DOWNLOAD)},
    {"<head", BOTH("an HTML page", DOWNLOAD)},
    {"<!--", BOTH("an HTML or XML page", DOWNLOAD)},
    {"<?xml", WEIGHTS("an XML document", "if it came from the network, " DOWNLOAD, DOWNLOAD)},
    {"<svg", DATA("an SVG picture", NO_ROWS)},
    {"%pdf-", DATA("a PDF document", NO_ROWS)},
    {"{\\rtf", DATA("a rich text document", "save it as CSV, plain text")},
    {"{", DATA("JSON text", PYTHON("pandas.read_json"))},
    {"[{", DATA("JSON text", PYTHON("pandas.read_json"))},
    {"[\n", DATA("JSON text", PYTHON("pandas.read_json"))},
    {"[[", DATA("JSON text", PYTHON("pandas.read_json"))},
    {"@relation", DATA("an ARFF file of Weka", "save it as CSV")},
};

/* Characters of a text in UTF-8, whose last may be cut off. */
static bool is_text(const unsigned char *first, size_t size)
{
    for (size_t i = 0; i < size;) {
        const size_t length = aei_utf8_length(first + i, size - i);
        if (length == 0)
            return i > 0 && size - i < 4 && first[i] >= 0xC2 && first[i] <= 0xF4;
        if (first[i] == 0 || (first[i] < 0x20 && strchr("\t\n\r\f", first[i]) == NULL))
            return false;
        i += length;
    }
    return true;
}

/* Every other byte of the first is zero: a text of Windows, with or without a mark in front. */
static bool is_utf16(const unsigned char *first, size_t size)
{
    const bool marked = size >= 2 && ((first[0] == 0xFF && first[1] == 0xFE) ||
                                      (first[0] == 0xFE && first[1] == 0xFF));
    size_t zeros[2] = {0, 0};
    for (size_t i = 0; i < size && i < 64; i++)
        zeros[i % 2] += first[i] == 0;
    const size_t half = (size < 64 ? size : 64) / 2;
    return marked || (half >= 4 &&
                      ((zeros[0] == 0 && zeros[1] == half) || (zeros[1] == 0 && zeros[0] == half)));
}

/* The name of an archive's first member tells who wrote it. */
static const kind *zip_kind(const unsigned char *first, size_t size)
{
    static const struct {
        const char *part;
        kind is;
    } writers[] = {
        {".npy",
         {"a zip archive of NPY arrays (.npz)", "ae_dataset_open_npy reads it", NO_MODEL,
          AEI_READER_NPY}},
        {"data.pkl", WEIGHTS("a zip archive written by torch.save", SAVE_NPY, SAVE_STATE_DICT)},
        {".format_version",
         WEIGHTS("a zip archive written by torch.save", SAVE_NPY, SAVE_STATE_DICT)},
        {"[Content_Types].xml", DATA("an Excel or Office file", "save the sheet as CSV")},
        {"mimetype", DATA("an OpenDocument file", "save the sheet as CSV")},
        {"metadata.json",
         WEIGHTS("a zip archive, perhaps a Keras model", SAVE_NPY,
                 "copy the weights into a safetensors file, with Keras and safetensors")},
        {"", BOTH("a zip archive", "unpack it first, with unzip")},
    };
    enum { NAME_LENGTH = 26, NAME = 30 };
    char name[256] = "";
    size_t length = size < NAME ? 0 : (size_t)aei_load(first + NAME_LENGTH, 2, false);
    length = length < sizeof name ? length : sizeof name - 1;
    if (size >= NAME)
        memcpy(name, first + NAME, length < size - NAME ? length : size - NAME);
    size_t i = 0;
    while (strstr(name, writers[i].part) == NULL)
        i++;
    return &writers[i].is;
}

static const kind *text_kind(const unsigned char *first, size_t size)
{
    static const kind text = {"a text file", "ae_dataset_open_csv reads it, if it is CSV", NO_MODEL,
                              AEI_READER_CSV};
    char start[32] = "";
    size_t at = size >= 3 && memcmp(first, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < size && strchr(" \t\r\n", first[at]) != NULL)
        at++;
    for (size_t i = 0; i + 1 < sizeof start && at + i < size; i++)
        start[i] = (char)(first[at + i] + (first[at + i] >= 'A' && first[at + i] <= 'Z' ? 32 : 0));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strncmp(start, texts[i].start, strlen(texts[i].start)) == 0)
            return &texts[i].is;
    return &text;
}

/* Kinds that no fixed bytes tell. */
static const kind *other_kind(const unsigned char *first, size_t size)
{
    static const kind idx = {"an IDX file", "ae_dataset_open_idx reads it", NO_MODEL,
                             AEI_READER_IDX};
    static const kind safetensors = {"a safetensors file", "a model, which ae_network_load reads",
                                     "", AEI_READER_SAFETENSORS};
    static const kind utf16 = {"text in UTF-16", "save it as UTF-8 for ae_dataset_open_csv",
                               NO_MODEL, AEI_READER_CSV};
    static const kind onnx = WEIGHTS("an ONNX model", NO_ROWS, SAVE_STATE_DICT);
    static const kind zeros = BOTH("nothing but zero bytes", DOWNLOAD);
    size_t zero = 0;
    while (zero < size && first[zero] == 0)
        zero++;
    if (size >= 16 && zero == size)
        return &zeros;
    if (size >= 8 && zero == 2 && first[2] >= 0x08 && first[2] <= 0x0E && first[3] >= 1 &&
        first[3] <= 8)
        return &idx;
    if (size > 9 && aei_load(first, 8, false) <= 100000000 && memcmp(first + 8, "{\"", 2) == 0)
        return &safetensors;
    /* The first two fields of the message: the version of the format, and who wrote it. */
    if (size > 4 && first[0] == 0x08 && first[1] >= 3 && first[1] <= 16 && first[2] == 0x12)
        return &onnx;
    return is_utf16(first, size) ? &utf16 : NULL;
}

static const kind *kind_of(const unsigned char *first, size_t size)
{
    if (size == 0)
        return NULL;
    if (is_text(first, size))
        return text_kind(first, size);
    if (size >= 4 && memcmp(first, "PK\3\4", 4) == 0)
        return zip_kind(first, size);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (size >= (size_t)kinds[i].offset + kinds[i].size &&
            memcmp(first + kinds[i].offset, kinds[i].bytes, kinds[i].size) == 0)
            return &kinds[i].is;
    return other_kind(first, size);
}

ae_status aei_fail_kind(ae_status status, aei_reader reader, const unsigned char *first,
                        size_t size)
{
    static const char *const wanted[] = {[AEI_READER_NONE] = "a file that is read",
                                         [AEI_READER_CSV] = "a CSV file",
                                         [AEI_READER_NPY] = "an NPY file",
                                         [AEI_READER_IDX] = "an IDX file",
                                         [AEI_READER_SAFETENSORS] = "a safetensors file"};
    const kind *is = kind_of(first, size < AEI_KIND_BYTES ? size : AEI_KIND_BYTES);
    if (is == NULL || is->own == reader)
        return status;
    return aei_fail(AE_ERROR_FORMAT, "%s, not %s: %s", is->name, wanted[reader],
                    reader == AEI_READER_SAFETENSORS ? is->model : is->rows);
}
