/* Endpoints: options, addresses, names, settings, transports. */
#include <string.h>

#include "client.h"

static void test_options(void) {
    /* As a later version's would be: longer, and zeros beyond what is known; then not zeros. */
    struct {
        hf_options options;
        uint64_t more[2];
    } longer = {hf_options_init(), {0, 0}};
    hf_setting settings[2] = {{"HANDFAST_SPIN_US", "7"}, {"HANDFAST_NAME", "from settings"}};
    hf_setting_info info = hf_setting_info_init();
    hf_endpoint endpoint;
    char name[32];
    size_t length = 0;
    longer.options.struct_byte_count = sizeof longer;
    longer.options.settings = settings;
    longer.options.setting_count = 2;
    longer.options.ignores_environment = 1;
    OK(hf_endpoint_create(&longer.options, &endpoint));
    OK(hf_endpoint_name(endpoint, name, sizeof name, &length));
    REQUIRE(strcmp(name, "from settings") == 0 && length == strlen(name) + 1);
    EXPECT(HF_ERROR_TRUNCATED, hf_endpoint_name(endpoint, name, 5, &length));
    REQUIRE(strcmp(name, "from") == 0 && length == strlen("from settings") + 1);
    EXPECT(HF_ERROR_TRUNCATED, hf_endpoint_name(endpoint, NULL, 0, &length));
    OK(hf_endpoint_setting_named(endpoint, "HANDFAST_SPIN_US", &info));
    REQUIRE(strcmp(info.value, "7") == 0 && info.source == HF_SOURCE_PROGRAM && strcmp(info.default_value, "50") == 0);
    OK(hf_endpoint_setting_named(endpoint, "HANDFAST_SELECT", &info));
    REQUIRE(info.source == HF_SOURCE_DEFAULT && info.value[0] == 0 && info.help[0] != 0 && info.allowed[0] != 0);
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_setting_named(endpoint, "HANDFAST_NOTHING", &info));
    OK(hf_endpoint_destroy(endpoint));

    longer.more[1] = 1;
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&longer.options, &endpoint));
    longer.more[1] = 0;
    settings[0].value = "many";
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&longer.options, &endpoint));
    REQUIRE(strstr(hf_error_text(), "HANDFAST_SPIN_US") != NULL && strstr(hf_error_text(), "many") != NULL);
    settings[0].value = NULL;
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&longer.options, &endpoint));
    settings[0].name = "PATH", settings[0].value = "/";
    EXPECT(HF_ERROR_ARGUMENT, hf_endpoint_create(&longer.options, &endpoint));

    /* The environment counts, too. */
    REQUIRE(setenv("HANDFAST_SPIN_US", "9", 1) == 0);
    OK(hf_endpoint_create(NULL, &endpoint));
    OK(hf_endpoint_setting_named(endpoint, "HANDFAST_SPIN_US", &info));
    REQUIRE(strcmp(info.value, "9") == 0 && info.source == HF_SOURCE_ENVIRONMENT);
    OK(hf_endpoint_destroy(endpoint));
    REQUIRE(unsetenv("HANDFAST_SPIN_US") == 0);
}

static void test_lists(hf_endpoint endpoint) {
    hf_transport_info transport = hf_transport_info_init();
    hf_setting_info setting = hf_setting_info_init();
    uint32_t count = 0;
    int has_tcp = 0;
    while (hf_endpoint_transport(endpoint, count, &transport) == HF_OK) {
        REQUIRE(transport.name[0] != 0 && transport.summary[0] != 0);
        REQUIRE((transport.reason[0] == 0) == (transport.is_available == 1));
        has_tcp |= strcmp(transport.name, "tcp") == 0;
        count++;
    }
    REQUIRE(has_tcp && count >= 3);
    EXPECT(HF_NOT_READY, hf_endpoint_transport(endpoint, UINT32_MAX, &transport));
    for (count = 0; hf_endpoint_setting(endpoint, count, &setting) == HF_OK; count++)
        REQUIRE(strncmp(setting.name, "HANDFAST_", 9) == 0);
    REQUIRE(count > 10);
    EXPECT(HF_NOT_READY, hf_endpoint_setting(endpoint, UINT32_MAX, &setting));
}

void test_endpoints(void) {
    hf_endpoint endpoint;
    hf_event event = hf_event_init();
    hf_connection connection;
    char address[512], addresses[2048];
    size_t length;
    int descriptor = -1, milliseconds = 7;
    bool is_closed = true;
    uint32_t done = 99;

    test_options();
    endpoint = make_endpoint("rank0", HF_THREAD_SINGLE);
    test_lists(endpoint);
    EXPECT(HF_NOT_READY, hf_endpoint_address(endpoint, address, sizeof address, &length));
    EXPECT(HF_NOT_READY, hf_endpoint_addresses(endpoint, addresses, sizeof addresses, &length));
    OK(hf_endpoint_listen(endpoint, NULL, 0));
    OK(hf_endpoint_address(endpoint, address, sizeof address, &length));
    REQUIRE(strstr(address, "@rank0") != NULL && length == strlen(address) + 1);
    OK(hf_endpoint_addresses(endpoint, addresses, sizeof addresses, NULL));
    REQUIRE(strstr(addresses, "@rank0") != NULL);
    OK(hf_progress(endpoint, &done));
    REQUIRE(done != 99);
    OK(hf_endpoint_fd(endpoint, &descriptor));
    REQUIRE(descriptor >= 0);
    OK(hf_endpoint_arm(endpoint, &milliseconds));
    REQUIRE(milliseconds == -1);
    EXPECT(HF_NOT_READY, hf_accept(endpoint, &connection));
    EXPECT(HF_NOT_READY, hf_endpoint_take_event(endpoint, &event));
    OK(hf_endpoint_is_closed(endpoint, &is_closed));
    REQUIRE(!is_closed);
    leave(endpoint);
    EXPECT(HF_ERROR_STALE, hf_progress(endpoint, NULL));

    /* Many, one after the other and at once; their memory is used again. */
    for (int round = 0; round < 100; round++) {
        hf_endpoint first = make_endpoint(NULL, HF_THREAD_SINGLE), second = make_endpoint(NULL, HF_THREAD_MULTIPLE);
        REQUIRE(first != second);
        OK(hf_progress(second, NULL));
        OK(hf_endpoint_destroy(first));
        EXPECT(HF_ERROR_STALE, hf_endpoint_destroy(first));
        OK(hf_endpoint_destroy(second));
    }
}
