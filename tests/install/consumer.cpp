/* SPDX-License-Identifier: BSD-3-Clause */
// The headers in C++11: plain structs and init functions in place of compound literals.
#include <libae/libae.h>

#include <cstdio>
#include <memory>
#include <vector>

int main()
{
    const std::vector<std::size_t> widths = {784, 32, 4, 32, 784};
    ae_network_options options;
    ae_network_options_init(&options);
    options.widths = widths.data();
    options.width_count = widths.size();

    ae_network *network = nullptr;
    ae_session *session = nullptr;
    ae_status status = ae_network_create(&network, &options);
    std::unique_ptr<ae_network, decltype(&ae_network_free)> owner(network, ae_network_free);
    if (status == AE_OK)
        status = ae_session_create(&session, network, nullptr);
    std::unique_ptr<ae_session, decltype(&ae_session_free)> session_owner(session, ae_session_free);

    const std::vector<float> row(784, 0.5f);
    std::vector<float> reconstruction(784);
    if (status == AE_OK)
        status = ae_session_reconstruct(session, row.data(), 1, reconstruction.data());
    if (status != AE_OK) {
        std::fprintf(stderr, "consumer (C++): %s\n", ae_last_error());
        return 1;
    }
    std::printf("consumer (C++): %zu parameters\n", ae_network_parameter_count(network));
    return reconstruction[0] > 0.0f && reconstruction[0] < 1.0f ? 0 : 1;
}
