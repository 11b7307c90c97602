/* SPDX-License-Identifier: BSD-3-Clause */
/* What a network keeps of its training set's columns beside their scaling. */
#include "base/error.h"
#include "model/network_internal.h"

#include <math.h>
#include <stdlib.h>

void aei_network_drop_columns(ae_network *network)
{
    free(network->columns);
    network->columns = NULL;
}

/* The copy is made before the old names go: the new ones may be the network's own. The generation
 * stays, since no output depends on a name; a threshold therefore survives. */
ae_status ae_network_set_column_names(ae_network *network, const char *const *names, size_t count)
{
    AE_REQUIRE(network);
    if (names == NULL && count != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "names is NULL but count is %zu", count);
    if (names != NULL && count != network->widths[0])
        return aei_fail(AE_ERROR_SHAPE, "%zu names, but the network takes %zu features", count,
                        network->widths[0]);
    char **made = NULL;
    if (names != NULL)
        AE_TRY(aei_names_copy(&made, names, count));
    aei_network_drop_columns(network);
    network->columns = made;
    return AE_OK;
}

/* NULL for everything that has no name, so that a caller can go on with a number. */
const char *ae_network_column_name(const ae_network *network, size_t column)
{
    const bool known = network != NULL && network->columns != NULL && column < network->widths[0];
    return known ? network->columns[column] : NULL;
}

ae_status ae_network_set_image_size(ae_network *network, size_t height, size_t width)
{
    AE_REQUIRE(network);
    const size_t features = network->widths[0];
    const bool none = height == 0 && width == 0;
    /* Divided, since a product of two sizes can overflow. */
    if (!none && (height == 0 || width != features / height || features % height != 0))
        return aei_fail(AE_ERROR_SHAPE,
                        "height %zu x width %zu is not the %zu features that the network takes",
                        height, width, features);
    network->image_height = height;
    network->image_width = width;
    return AE_OK;
}

ae_status ae_network_set_uint8_scale(ae_network *network, float scale)
{
    AE_REQUIRE(network);
    if (!(scale >= 0 && scale * 255.0f < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "scale is %g: it must be finite and above 0",
                        (double)scale);
    network->uint8_scale = scale;
    return AE_OK;
}

ae_status aei_network_check_width(const ae_network *network, size_t features, const char *what)
{
    if (features == network->widths[0])
        return AE_OK;
    return aei_fail(AE_ERROR_SHAPE,
                    "%s: rows of %zu features, but the network takes %zu (its option widths)", what,
                    features, network->widths[0]);
}

ae_status aei_network_check_columns(const ae_network *network, const aei_columns_info *rows,
                                    const char *what)
{
    const aei_columns_info wanted = {
        .count = network->widths[0],
        .names = (const char *const *)network->columns,
        .image_height = network->image_height,
        .image_width = network->image_width,
        .uint8_scale = network->uint8_scale,
    };
    /* Names first: they say which column is too many. */
    if (rows->names != NULL && wanted.names != NULL)
        AE_TRY(aei_columns_check(rows, what, &wanted, "the network"));
    AE_TRY(aei_network_check_width(network, rows->count, what));
    return aei_columns_check(rows, what, &wanted, "the network");
}

ae_status aei_network_copy_names(char ***names, const ae_network *network,
                                 const aei_columns_info *rows)
{
    *names = NULL;
    if (network->columns != NULL || rows->names == NULL)
        return AE_OK;
    return aei_names_copy(names, rows->names, rows->count);
}

void aei_network_take_columns(ae_network *network, const aei_columns_info *rows, char **names)
{
    if (names != NULL)
        network->columns = names;
    if (network->image_height == 0) {
        network->image_height = rows->image_height;
        network->image_width = rows->image_width;
    }
    if (!(network->uint8_scale > 0))
        network->uint8_scale = rows->uint8_scale;
}
