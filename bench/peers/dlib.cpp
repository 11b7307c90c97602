// SPDX-License-Identifier: BSD-3-Clause
// dlib: THREADS DATA GROUP. Its products are the BLAS's that it is linked with; batch
// normalisation, sigmoid and Adam are its own loops on one thread.
#include <dlib/dnn.h>
#include <dlib/revision.h>

#include "worker.h"

using namespace dlib;

namespace
{
// The mean of the rows' L2 norms of output - label.
class loss_row_norm_
{
  public:
    typedef matrix<float> training_label_type;
    typedef matrix<float> output_label_type;

    template <typename SUB, typename label_iterator>
    void to_label(const tensor &, const SUB &sub, label_iterator to) const
    {
        const tensor &out = sub.get_output();
        for (long long r = 0; r < out.num_samples(); r++, ++to)
            *to = trans(rowm(mat(out), r));
    }

    template <typename const_label_iterator, typename SUB>
    double compute_loss_value_and_gradient(const tensor &, const_label_iterator truth,
                                           SUB &sub) const
    {
        const tensor &out = sub.get_output();
        const size_t rows = (size_t)out.num_samples(), n = out.size() / rows;
        const float *y = out.host();
        float *g = sub.get_gradient_input().host_write_only();
        double sum = 0;
        for (size_t r = 0; r < rows; r++, ++truth) {
            const float *x = &(*truth)(0);
            float square = 0;
            for (size_t i = 0; i < n; i++) {
                g[r * n + i] = y[r * n + i] - x[i];
                square += g[r * n + i] * g[r * n + i];
            }
            const float norm = std::sqrt(square), factor = norm > 0 ? 1 / (norm * (float)rows) : 0;
            for (size_t i = 0; i < n; i++)
                g[r * n + i] *= factor;
            sum += norm;
        }
        return sum / (double)rows;
    }

    friend void serialize(const loss_row_norm_ &, std::ostream &)
    {
    }
    friend void deserialize(loss_row_norm_ &, std::istream &)
    {
    }
};

template <unsigned long long n, typename SUB> using layer = sig<bn_fc<fc_no_bias<n, SUB>>>;
template <unsigned long long n, typename SUB> using frozen = sig<affine<fc_no_bias<n, SUB>>>;
template <typename SUB> using row_norm = add_loss_layer<loss_row_norm_, SUB>;

using input_type = input<matrix<float>>;
using large_net = row_norm<layer<
    784, layer<1000,
               layer<500, layer<250, layer<4, layer<250, layer<500, layer<1000, input_type>>>>>>>>>;
using large_frozen = row_norm<frozen<
    784,
    frozen<
        1000,
        frozen<500, frozen<250, frozen<4, frozen<250, frozen<500, frozen<1000, input_type>>>>>>>>>;
using small_net =
    row_norm<layer<30, layer<16, layer<8, layer<4, layer<8, layer<16, input_type>>>>>>>;

template <typename NET> struct training {
    NET net;
    std::vector<adam> solvers{NET::num_computational_layers, adam(0, 0.9f, 0.999f)};
    std::vector<resizable_tensor> inputs;
    std::vector<std::vector<matrix<float>>> labels;
    size_t at = 0;

    training(const float *data, size_t rows, size_t features, size_t batch)
        : inputs(rows / batch), labels(rows / batch)
    {
        for (size_t b = 0; b < inputs.size(); b++) {
            for (size_t r = 0; r < batch; r++)
                labels[b].push_back(mat(data + (b * batch + r) * features, (long)features, 1));
            net.to_tensor(labels[b].begin(), labels[b].end(), inputs[b]);
        }
    }
};

template <typename NET> double step(void *context)
{
    auto &work = *(training<NET> *)context;
    auto &labels = work.labels[work.at];
    const double cost = work.net.compute_parameter_gradients(work.inputs[work.at], labels.begin());
    work.net.update_parameters(make_sstack(work.solvers), 1e-3);
    work.at = (work.at + 1) % work.inputs.size();
    return cost;
}

struct inference {
    large_frozen net;
    resizable_tensor input;
    std::vector<float> out;
};

double infer(void *context)
{
    auto &work = *(inference *)context;
    const tensor &out = work.net.subnet().forward(work.input);
    memcpy(work.out.data(), out.host(), work.out.size() * sizeof(float));
    return 0;
}

template <typename NET>
void train(const char *name, const float *data, size_t rows, size_t features, size_t batch)
{
    auto *work = new training<NET>(data, rows, features, batch);
    peer_train(name, step<NET>, work, 10 * (rows / batch), rows / batch);
}
} // namespace

int main(int count, char **arguments)
{
    if (count < 4)
        peer_stop("usage: dlib THREADS DATA GROUP");
    size_t rows, features;
    float *data = peer_rows(arguments[2], arguments[3], &rows, &features);
    printf("about dlib %d.%d, products by OpenBLAS\n", DLIB_MAJOR_VERSION, DLIB_MINOR_VERSION);
    if (strcmp(arguments[3], "large") == 0) {
        train<large_net>("train.step.batch100.dlib", data, rows, features, PEER_BATCH);
        for (size_t batch : {(size_t)1, (size_t)PEER_BATCH}) {
            auto *work = new inference;
            std::vector<matrix<float>> input;
            for (size_t r = 0; r < batch; r++)
                input.push_back(mat(data + r * features, (long)features, 1));
            work->net.to_tensor(input.begin(), input.end(), work->input);
            work->out.resize(batch * features);
            peer_infer(batch == 1 ? "infer.batch1.dlib" : "infer.batch100.dlib", infer, work,
                       work->out.data(), work->out.size());
        }
    } else
        train<small_net>("train.step.small.batch32.dlib", data, rows, features, PEER_SMALL_BATCH);
    return peer_serve();
}
