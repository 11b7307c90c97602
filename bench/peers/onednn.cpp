// SPDX-License-Identifier: BSD-3-Clause
// oneDNN, versions 2 and 3: its inner products with weights in the layout that it asks for; alone,
// as a lower bound for whoever calls it, and in a whole step with the loops of plain_step.h.
// Inference with batch normalisation folded into weights and bias, and the sigmoid attached to the
// product.
//
//     onednn THREADS DATA GROUP NAME
#include <cstdint>
#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "plain_step.h"

using namespace dnnl;
using dims = memory::dims;
using type = memory::data_type;
using tag = memory::format_tag;

namespace
{
engine cpu(engine::kind::cpu, 0);
stream queue(cpu);

memory::desc plain(size_t rows, size_t columns, type t)
{
    return {dims{(memory::dim)rows, (memory::dim)columns}, t, tag::nc};
}

memory::desc any(size_t out, size_t in, type t)
{
    return {dims{(memory::dim)out, (memory::dim)in}, t, tag::any};
}

#if DNNL_VERSION_MAJOR >= 3
inner_product_forward::primitive_desc forward_desc(prop_kind kind, const memory::desc &x,
                                                   const memory::desc &w, const memory::desc &y)
{
    return {cpu, kind, x, w, y};
}
inner_product_forward::primitive_desc sigmoid_desc(const memory::desc &x, const memory::desc &w,
                                                   const memory::desc &bias, const memory::desc &y)
{
    post_ops operations;
    operations.append_eltwise(algorithm::eltwise_logistic, 0, 0);
    primitive_attr attributes;
    attributes.set_post_ops(operations);
    return {cpu, prop_kind::forward_inference, x, w, bias, y, attributes};
}
inner_product_backward_data::primitive_desc
inputs_desc(const memory::desc &dx, const memory::desc &w, const memory::desc &dy,
            const inner_product_forward::primitive_desc &forward)
{
    return {cpu, dx, w, dy, forward};
}
inner_product_backward_weights::primitive_desc
weights_desc(const memory::desc &x, const memory::desc &dw, const memory::desc &dy,
             const inner_product_forward::primitive_desc &forward)
{
    return {cpu, x, dw, dy, forward};
}
#else
inner_product_forward::primitive_desc forward_desc(prop_kind kind, const memory::desc &x,
                                                   const memory::desc &w, const memory::desc &y)
{
    return {inner_product_forward::desc(kind, x, w, y), cpu};
}
inner_product_forward::primitive_desc sigmoid_desc(const memory::desc &x, const memory::desc &w,
                                                   const memory::desc &bias, const memory::desc &y)
{
    post_ops operations;
    operations.append_eltwise(1.0f, algorithm::eltwise_logistic, 0, 0);
    primitive_attr attributes;
    attributes.set_post_ops(operations);
    return {inner_product_forward::desc(prop_kind::forward_inference, x, w, bias, y), attributes,
            cpu};
}
inner_product_backward_data::primitive_desc
inputs_desc(const memory::desc &dx, const memory::desc &w, const memory::desc &dy,
            const inner_product_forward::primitive_desc &forward)
{
    return {inner_product_backward_data::desc(dx, w, dy), cpu, forward};
}
inner_product_backward_weights::primitive_desc
weights_desc(const memory::desc &x, const memory::desc &dw, const memory::desc &dy,
             const inner_product_forward::primitive_desc &forward)
{
    return {inner_product_backward_weights::desc(x, dw, dy), cpu, forward};
}
#endif

void put(memory &target, const std::vector<float> &values, size_t rows, size_t columns)
{
    memory source(plain(rows, columns, type::f32), cpu, (void *)values.data());
    reorder(source, target).execute(queue, source, target);
    queue.wait();
}

std::vector<float> random_weights(size_t in, size_t out, unsigned seed)
{
    std::vector<float> values(in * out);
    peer_normal(values.data(), values.size(), 1 / std::sqrt((double)in), seed);
    return values;
}

// A layer's three products on the buffers of a peer_layer. Where oneDNN wants another layout of the
// weights backward than forward, the copy between them is part of the work.
struct products {
    peer_layer layer;
    memory x, w, z, dx, dz, dw, w_back, dw_back;
    inner_product_forward forward;
    inner_product_backward_data inputs;
    inner_product_backward_weights gradient;

    products(size_t in, size_t out, size_t batch, float *input, float *input_gradient,
             unsigned seed)
        : layer(peer_layer_create(in, out, batch))
    {
        const auto f = type::f32;
        auto pd = forward_desc(prop_kind::forward_training, plain(batch, in, f), any(out, in, f),
                               plain(batch, out, f));
        peer_layer_weights(&layer, pd.weights_desc().get_size() / sizeof(float));
        x = memory(plain(batch, in, f), cpu, input);
        w = memory(pd.weights_desc(), cpu, layer.w);
        z = memory(plain(batch, out, f), cpu, layer.z);
        dz = memory(plain(batch, out, f), cpu, layer.dz);
        dw = memory(pd.weights_desc(), cpu, layer.g);
        put(w, random_weights(in, out, seed), out, in);
        forward = inner_product_forward(pd);
        auto pd_w = weights_desc(plain(batch, in, f), any(out, in, f), plain(batch, out, f), pd);
        dw_back = pd_w.diff_weights_desc() == pd.weights_desc()
                      ? dw
                      : memory(pd_w.diff_weights_desc(), cpu);
        gradient = inner_product_backward_weights(pd_w);
        if (input_gradient != nullptr) {
            auto pd_d = inputs_desc(plain(batch, in, f), any(out, in, f), plain(batch, out, f), pd);
            dx = memory(plain(batch, in, f), cpu, input_gradient);
            w_back = pd_d.weights_desc() == pd.weights_desc() ? w
                                                              : memory(pd_d.weights_desc(), cpu);
            inputs = inner_product_backward_data(pd_d);
        }
    }

    void go(float *input)
    {
        x.set_data_handle(input);
        forward.execute(queue, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, z}});
        queue.wait();
    }

    void back()
    {
        if (dx) {
            if (w_back.get_data_handle() != w.get_data_handle())
                reorder(w, w_back).execute(queue, w, w_back);
            inputs.execute(
                queue,
                {{DNNL_ARG_DIFF_DST, dz}, {DNNL_ARG_WEIGHTS, w_back}, {DNNL_ARG_DIFF_SRC, dx}});
        }
        gradient.execute(
            queue, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, dz}, {DNNL_ARG_DIFF_WEIGHTS, dw_back}});
        if (dw_back.get_data_handle() != dw.get_data_handle())
            reorder(dw_back, dw).execute(queue, dw_back, dw);
        queue.wait();
    }
};

struct network {
    std::vector<products> layers;
    float *data;
    size_t batch, rows, row = 0, steps = 0;

    network(const size_t *widths, size_t count, size_t batch_rows, float *values, size_t value_rows)
        : data(values), batch(batch_rows), rows(value_rows)
    {
        layers.reserve(count);
        for (size_t l = 0; l < count; l++)
            layers.emplace_back(widths[l], widths[l + 1], batch,
                                l == 0 ? data : layers[l - 1].layer.y,
                                l == 0 ? nullptr : layers[l - 1].layer.dy, (unsigned)l + 1);
    }
    float *input(size_t l)
    {
        return l == 0 ? data + row * layers[0].layer.in : layers[l - 1].layer.y;
    }
};

double step(void *context)
{
    auto &net = *(network *)context;
    for (size_t l = 0; l < net.layers.size(); l++) {
        net.layers[l].go(net.input(l));
        peer_layer_forward(&net.layers[l].layer, net.batch);
    }
    const double cost = peer_cost(&net.layers.back().layer, net.input(0), net.batch);
    net.steps++;
    for (size_t l = net.layers.size(); l-- > 0;) {
        peer_layer_backward(&net.layers[l].layer, net.batch);
        net.layers[l].back();
        peer_layer_update(&net.layers[l].layer, net.steps);
    }
    net.row = (net.row + net.batch) % net.rows;
    return cost;
}

double only_products(void *context)
{
    auto &net = *(network *)context;
    for (size_t l = 0; l < net.layers.size(); l++)
        net.layers[l].go(net.input(l));
    for (size_t l = net.layers.size(); l-- > 0;)
        net.layers[l].back();
    return 0;
}

struct inference {
    std::vector<inner_product_forward> products;
    std::vector<std::unordered_map<int, memory>> arguments;
    memory last, output;
    std::vector<float> rows;

    inference(size_t batch, type t, const float *data)
    {
        const size_t *widths = peer_large;
        memory x(plain(batch, widths[0], t), cpu);
        put(x, std::vector<float>(data, data + batch * widths[0]), batch, widths[0]);
        for (size_t l = 0; l < 8; l++) {
            const size_t in = widths[l], out = widths[l + 1];
            const memory::desc bias_desc(dims{(memory::dim)out}, type::f32, tag::x);
            auto pd = sigmoid_desc(plain(batch, in, t), any(out, in, t), bias_desc,
                                   plain(batch, out, t));
            memory w(pd.weights_desc(), cpu), bias(bias_desc, cpu), y(plain(batch, out, t), cpu);
            put(w, random_weights(in, out, (unsigned)l + 1), out, in);
            memset(bias.get_data_handle(), 0, out * sizeof(float));
            products.emplace_back(pd);
            arguments.push_back({{DNNL_ARG_SRC, x},
                                 {DNNL_ARG_WEIGHTS, w},
                                 {DNNL_ARG_BIAS, bias},
                                 {DNNL_ARG_DST, y}});
            x = y;
        }
        last = x;
        rows.resize(batch * widths[8]);
        output = memory(plain(batch, widths[8], type::f32), cpu, rows.data());
    }
};

double infer(void *context)
{
    auto &net = *(inference *)context;
    for (size_t l = 0; l < net.products.size(); l++)
        net.products[l].execute(queue, net.arguments[l]);
    queue.wait();
    return 0;
}

void add_inference(const char *rival, const char *work, size_t batch, type t, const float *data)
{
    const std::string name = std::string(work) + "." + rival;
    try {
        auto *net = new inference(batch, t, data);
        infer(net);
        reorder(net->last, net->output).execute(queue, net->last, net->output);
        queue.wait();
        peer_infer(name.c_str(), infer, net, net->rows.data(), net->rows.size());
    } catch (const error &failed) {
        peer_skip(name.c_str(), failed.what());
    }
}
} // namespace

int main(int count, char **arguments)
{
    if (count < 5)
        peer_stop("usage: onednn THREADS DATA GROUP NAME");
    const std::string rival = arguments[4];
    const bool large = strcmp(arguments[3], "large") == 0;
    const dnnl_version_t *v = dnnl_version();
    printf("about oneDNN %d.%d.%d\n", v->major, v->minor, v->patch);
    size_t rows, features;
    float *data = peer_rows(arguments[2], arguments[3], &rows, &features);
    const size_t batch = large ? PEER_BATCH : PEER_SMALL_BATCH, epoch = rows / batch;
    network net(large ? peer_large : peer_small, large ? 8 : 6, batch, data, rows);
    peer_train(((large ? "train.step.batch100." : "train.step.small.batch32.") + rival).c_str(),
               step, &net, 10 * epoch, epoch);
    if (large) {
        peer_infer(("train.products.batch100." + rival).c_str(), only_products, &net,
                   net.layers[0].layer.g, net.layers[0].layer.weights);
        add_inference(rival.c_str(), "infer.batch1", 1, type::f32, data);
        add_inference(rival.c_str(), "infer.batch100", PEER_BATCH, type::f32, data);
        add_inference(rival.c_str(), "infer.bf16.batch1", 1, type::bf16, data);
        add_inference(rival.c_str(), "infer.bf16.batch100", PEER_BATCH, type::bf16, data);
    }
    return peer_serve();
}
