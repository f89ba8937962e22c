/* Codes and their words, the version, and the last error. */
#include <string.h>

#include "client.h"

void test_words(void) {
    struct {
        uint32_t struct_byte_count;
        char rest[16];
    } shorter = {sizeof shorter, ""};
    hf_error error = hf_error_init();

    REQUIRE(hf_version() == HF_VERSION);
    for (int status = HF_ERROR_OTHER; status <= HF_NOT_READY; status++) {
        REQUIRE(strcmp(hf_status_text((hf_status)status), "unknown") != 0);
        /* All differ. */
        for (int other = HF_ERROR_OTHER; other < status; other++)
            REQUIRE(strcmp(hf_status_text((hf_status)status), hf_status_text((hf_status)other)) != 0);
    }
    REQUIRE(strcmp(hf_status_text((hf_status)2), "unknown") == 0);
    for (int state = HF_STATE_ON_DEMAND; state <= HF_STATE_CLOSED; state++)
        REQUIRE(strcmp(hf_state_text((hf_connection_state)state), "unknown") != 0);
    REQUIRE(strcmp(hf_state_text((hf_connection_state)0), "unknown") == 0);
    for (int outcome = HF_OUTCOME_CHOSEN; outcome <= HF_OUTCOME_NOT_TRIED; outcome++)
        REQUIRE(strcmp(hf_outcome_text((hf_outcome)outcome), "unknown") != 0);
    REQUIRE(strcmp(hf_outcome_text((hf_outcome)0), "unknown") == 0);
    for (int kind = HF_EVENT_CLOSED; kind <= HF_EVENT_FAILED; kind++)
        REQUIRE(strcmp(hf_event_text((hf_event_kind)kind), "unknown") != 0);
    REQUIRE(strcmp(hf_event_text((hf_event_kind)0), "unknown") == 0);

    /* Nothing has failed yet in this thread. */
    OK(hf_error_get(&error));
    REQUIRE(error.status == HF_OK && error.text[0] == 0 && hf_error_text()[0] == 0);
    EXPECT(HF_ERROR_HANDLE, hf_progress(HF_NONE, NULL));
    OK(hf_error_get(&error));
    REQUIRE(error.status == HF_ERROR_HANDLE && error.text[0] != 0 && strcmp(error.text, hf_error_text()) == 0);
    REQUIRE(error.struct_byte_count == sizeof error);
    /* These do not take its place. */
    EXPECT(HF_ERROR_ARGUMENT, hf_error_get(NULL));
    EXPECT(HF_ERROR_ARGUMENT, hf_error_get((hf_error *)(void *)&shorter));
    OK(hf_error_get(&error));
    REQUIRE(error.status == HF_ERROR_HANDLE);
}
