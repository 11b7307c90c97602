/* SPDX-License-Identifier: BSD-3-Clause */
/* A diagnosis in words. */
#include <libae/experimental.h>

#include "base/error.h"
#include "base/number.h"
#include "base/options.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct number {
    char text[32];
} number;

/* Four digits, with a decimal point in every locale. In a struct, so that several numbers can be
 * shown in one call without arrays of the caller's. */
static number show(double value)
{
    number n = {""};
    const double digits = value == 0 || !isfinite(value) ? 0 : 3 - floor(log10(fabs(value)));
    const double scale = pow(10, fmin(fmax(digits, -300), 300));
    const double rounded = isfinite(value) ? round(value * scale) / scale : value;
    (void)aei_format_double(n.text, sizeof n.text, rounded);
    return n;
}

static int costs(char *to, size_t size, const ae_diagnosis *v)
{
    const bool pca = !isnan(v->pca_cost);
    const char *than = v->warnings & AE_WARNING_WORSE_THAN_MEAN ? "it has learnt nothing yet"
                       : v->warnings & AE_WARNING_WORSE_THAN_PCA
                           ? "better than the mean, but PCA does as well or better"
                       : pca ? "better than both"
                             : "better than the mean";
    const number test = show(v->test_cost), mean = show(v->mean_cost), linear = show(v->pca_cost);
    char compared[80] = "";
    if (pca)
        (void)snprintf(compared, sizeof compared, ", PCA with %zu components %s", v->pca_components,
                       linear.text);
    return snprintf(to, size, "Cost on test rows %s; mean baseline %s%s: %s.\n", test.text,
                    mean.text, compared, than);
}

static int units(char *to, size_t size, const ae_diagnosis *v)
{
    char dead[100] = "no unit is dead";
    if (v->dead_units > 0)
        (void)snprintf(dead, sizeof dead, "%zu of %zu units are dead, %zu of them in layer %zu",
                       v->dead_units, v->units, v->dead_layer_units, v->dead_layer);
    if (v->inactive_codes + v->redundant_codes == 0)
        return snprintf(to, size, "Units: %s; all %zu units of the code are in use.\n", dead,
                        v->pca_components);
    return snprintf(to, size,
                    "Units: %s; of %zu units of the code %zu are inactive and %zu redundant.\n",
                    dead, v->pca_components, v->inactive_codes, v->redundant_codes);
}

static int fit(char *to, size_t size, const ae_diagnosis *v)
{
    const number train = show(v->train_cost), percent = show(fabs(v->gap) * 100);
    return snprintf(to, size,
                    "Fit: the cost on test rows is %s %% %s that on training rows, %s: %s.\n",
                    percent.text, v->gap < 0 ? "below" : "above", train.text,
                    v->warnings & AE_WARNING_OVERFIT ? "it over-fits" : "no over-fitting");
}

/* The caller's struct may come from an older header: it is read like options, and what it lacks is
 * 0. The text is put together before the buffer is touched, so that a buffer that is too small
 * stays as it was. */
ae_status ae_diagnosis_text(const ae_diagnosis *diagnosis, char *buffer, size_t capacity)
{
    AE_REQUIRE(diagnosis);
    AE_REQUIRE(buffer);
    AE_TRY(aei_result_check(diagnosis, "ae_diagnosis"));
    ae_diagnosis v;
    AE_TRY(aei_options_read(&v, sizeof v, diagnosis, "ae_diagnosis"));
    static int (*const lines[])(char *, size_t, const ae_diagnosis *) = {costs, units, fit};
    char text[AE_DIAGNOSIS_TEXT_SIZE];
    size_t length = 0;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const int added = lines[i](text + length, sizeof text - length, &v);
        length += added > 0 ? (size_t)added : 0;
        if (length >= sizeof text)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_diagnosis: no such numbers");
    }
    if (length + 1 > capacity)
        return aei_fail(AE_ERROR_BUFFER_SIZE, "capacity is %zu: %zu bytes are needed", capacity,
                        length + 1);
    memcpy(buffer, text, length + 1);
    return AE_OK;
}
