// The header is C++, too, and its functions are C.
#include <handfast.h>

#include <cstdio>

int main() {
    hf_options options = hf_options_init();
    hf_endpoint endpoint = HF_NONE;
    options.name = "from C++";
    if (hf_endpoint_create(&options, &endpoint) != HF_OK) {
        std::fprintf(stderr, "%s\n", hf_error_text());
        return 1;
    }
    return hf_endpoint_destroy(endpoint) == HF_OK && hf_version() == HF_VERSION ? 0 : 1;
}
