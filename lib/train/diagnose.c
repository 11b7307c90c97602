/* SPDX-License-Identifier: BSD-3-Clause */
/* Is the trained network any good? Its cost is put beside those of two models that need no training
 * by gradient: the mean row, and PCA with as many components as the code has units. */
#include <libae/experimental.h>

#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "model/cost.h"
#include "train/check_dataset.h"
#include "train/dead_units.h"
#include "train/evaluate_internal.h"
#include "train/pca.h"

#include <libae/missing.h>
#include <math.h>

/* The gap between training and test cost that is called over-fitting. */
static const double overfit_gap = 0.1;

AEI_OPTIONS_INIT(ae_diagnose_options)

/* Of scaled values, as in training, where every feature counts alike. */
static ae_status cost_of(double *cost, const ae_network *network, const ae_dataset *dataset,
                         const ae_diagnose_options *o)
{
    ae_evaluation result;
    ae_session *session = NULL;
    AE_TRY(aei_session_for_dataset(&session, network, o->threads));
    const ae_status status = aei_evaluate_session(&result, session, dataset, AE_SCORE_UNITS_SCALED);
    ae_session_free(session);
    if (status == AE_OK)
        *cost = aei_evaluation_cost(&result, o->cost);
    return status;
}

/* Written so that a NAN test cost warns: a broken network must not pass for one that is better than
 * the mean. PCA's comparison is the other way round: a pca_cost of NAN says that there is none. */
static ae_status diagnose_costs(ae_diagnosis *v, const ae_network *network,
                                const ae_dataset *train_set, const ae_dataset *test_set,
                                const ae_diagnose_options *o)
{
    ae_evaluation mean;
    AE_TRY(cost_of(&v->train_cost, network, train_set, o));
    AE_TRY(cost_of(&v->test_cost, network, test_set, o));
    AE_TRY(aei_evaluate_mean(&mean, train_set, test_set, network->scaling));
    v->mean_cost = aei_evaluation_cost(&mean, o->cost);
    v->gap = v->test_cost == v->train_cost ? 0 : (v->test_cost - v->train_cost) / v->train_cost;
    v->pca_cost = (double)NAN;
    /* A linear output is no probability: there is no cross-entropy of it. */
    if (o->cost != AE_COST_BCE && network->widths[0] <= AEI_PCA_FEATURES) {
        ae_network *linear = NULL;
        AE_TRY(aei_pca_network(&linear, train_set, v->pca_components, o->threads,
                               network->kernels->name, network->scaling));
        ae_status status = AE_OK;
        if (network->fill != NULL)
            status = ae_network_set_fill(linear, network->fill);
        if (status == AE_OK)
            status = cost_of(&v->pca_cost, linear, test_set, o);
        ae_network_free(linear);
        AE_TRY(status);
    }
    v->warnings |= !(v->test_cost < v->mean_cost) ? AE_WARNING_WORSE_THAN_MEAN : 0u;
    v->warnings |= v->test_cost >= v->pca_cost ? AE_WARNING_WORSE_THAN_PCA : 0u;
    v->warnings |= v->gap > overfit_gap ? AE_WARNING_OVERFIT : 0u;
    return AE_OK;
}

ae_status ae_network_diagnose(const ae_network *network, const ae_dataset *train_set,
                              const ae_dataset *test_set, ae_diagnosis *diagnosis,
                              const ae_diagnose_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(train_set);
    AE_REQUIRE(test_set);
    AE_REQUIRE(diagnosis);
    AE_TRY(aei_result_check(diagnosis, "ae_diagnosis"));
    ae_diagnose_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_diagnose_options"));
    AE_TRY(aei_check_reserved(o.reserved, "ae_diagnose_options"));
    AE_TRY(aei_network_check_cost(network, o.cost));
    AE_TRY(aei_network_check_dataset(network, train_set, "training set"));
    AE_TRY(aei_network_check_dataset(network, test_set, "test set"));
    AE_TRY(aei_dataset_check_missing(train_set, network->fill != NULL, "training set"));
    AE_TRY(aei_dataset_check_missing(test_set, network->fill != NULL, "test set"));
    o.cost = o.cost == AE_COST_DEFAULT ? AE_COST_L2 : o.cost;
    o.threads = o.threads == 0 ? aei_cpu_cores() : o.threads;
    ae_diagnosis mine = {.size = sizeof mine,
                         .cost = o.cost,
                         .train_rows = ae_dataset_row_count(train_set),
                         .test_rows = ae_dataset_row_count(test_set),
                         .pca_components = ae_network_code_width(network)};
    AE_TRY(diagnose_costs(&mine, network, train_set, test_set, &o));
    AE_TRY(aei_dead_units_count(&mine, NULL, network, test_set, o.threads));
    return aei_result_write(diagnosis, &mine, sizeof mine, "ae_diagnosis");
}
