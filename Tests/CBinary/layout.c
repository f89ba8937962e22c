/* Prints what a compiled program has of the headers in it: sizes of structs, places of their fields, values of constants.
 * `layout` beside this file is what it printed; a change there breaks programs, unless it adds something. */
#include <handfast.h>
#include <stdio.h>

#define SIZE(type) printf("sizeof %s %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("  %s.%s %zu %zu\n", #type, #field, offsetof(type, field), sizeof(((type *)0)->field))
#define VALUE(name) printf("%s %lld\n", #name, (long long)(name))

static void structs(void) {
    SIZE(hf_setting);
    FIELD(hf_setting, name), FIELD(hf_setting, value);
    SIZE(hf_options);
    FIELD(hf_options, struct_byte_count), FIELD(hf_options, thread_mode), FIELD(hf_options, name);
    FIELD(hf_options, settings), FIELD(hf_options, setting_count), FIELD(hf_options, ignores_environment);
    FIELD(hf_options, log), FIELD(hf_options, log_context), FIELD(hf_options, log_level), FIELD(hf_options, reserved);
    SIZE(hf_connect_options);
    FIELD(hf_connect_options, struct_byte_count), FIELD(hf_connect_options, mode);
    FIELD(hf_connect_options, transports);
    SIZE(hf_error);
    FIELD(hf_error, struct_byte_count), FIELD(hf_error, status), FIELD(hf_error, system_error);
    FIELD(hf_error, is_unsent), FIELD(hf_error, text);
    SIZE(hf_completion);
    FIELD(hf_completion, struct_byte_count), FIELD(hf_completion, status), FIELD(hf_completion, byte_count);
    FIELD(hf_completion, connection), FIELD(hf_completion, fetched), FIELD(hf_completion, context);
    FIELD(hf_completion, header_byte_count), FIELD(hf_completion, system_error), FIELD(hf_completion, is_unsent);
    FIELD(hf_completion, reserved);
    SIZE(hf_message_info);
    FIELD(hf_message_info, struct_byte_count), FIELD(hf_message_info, header_byte_count);
    FIELD(hf_message_info, connection), FIELD(hf_message_info, tag), FIELD(hf_message_info, byte_count);
    FIELD(hf_message_info, is_whole), FIELD(hf_message_info, reserved);
    SIZE(hf_event);
    FIELD(hf_event, struct_byte_count), FIELD(hf_event, kind), FIELD(hf_event, connection), FIELD(hf_event, status);
    FIELD(hf_event, system_error), FIELD(hf_event, text);
    SIZE(hf_notification);
    FIELD(hf_notification, struct_byte_count), FIELD(hf_notification, reserved);
    FIELD(hf_notification, connection), FIELD(hf_notification, value);
    SIZE(hf_decision);
    FIELD(hf_decision, struct_byte_count), FIELD(hf_decision, outcome), FIELD(hf_decision, transport);
    FIELD(hf_decision, reason);
    SIZE(hf_transport_info);
    FIELD(hf_transport_info, struct_byte_count), FIELD(hf_transport_info, is_available);
    FIELD(hf_transport_info, name), FIELD(hf_transport_info, summary), FIELD(hf_transport_info, reason);
    SIZE(hf_setting_info);
    FIELD(hf_setting_info, struct_byte_count), FIELD(hf_setting_info, source), FIELD(hf_setting_info, name);
    FIELD(hf_setting_info, value), FIELD(hf_setting_info, default_value), FIELD(hf_setting_info, allowed);
    FIELD(hf_setting_info, help);
}

static void types(void) {
    SIZE(hf_endpoint), SIZE(hf_connection), SIZE(hf_request), SIZE(hf_message), SIZE(hf_queue), SIZE(hf_memory);
    SIZE(hf_status), SIZE(hf_thread_mode), SIZE(hf_connect_mode), SIZE(hf_connection_state), SIZE(hf_outcome);
    SIZE(hf_event_kind), SIZE(hf_log_level), SIZE(hf_setting_source), SIZE(hf_log_function), SIZE(hf_match_function);
}

static void values(void) {
    VALUE(HF_NONE), VALUE(HF_FOREVER), VALUE(HF_NO_INDEX), VALUE(HF_KEY_BYTE_COUNT), VALUE(HF_MAXIMUM_PIECE_COUNT);
    VALUE(HF_MAXIMUM_HEADER_BYTE_COUNT), VALUE(HF_MAXIMUM_COPY_BYTE_COUNT);
    VALUE(HF_OK), VALUE(HF_NOT_READY), VALUE(HF_ERROR_ARGUMENT), VALUE(HF_ERROR_HANDLE), VALUE(HF_ERROR_STALE);
    VALUE(HF_ERROR_FORKED), VALUE(HF_ERROR_REENTRANT), VALUE(HF_ERROR_TIMEOUT), VALUE(HF_ERROR_UNREACHABLE);
    VALUE(HF_ERROR_REJECTED), VALUE(HF_ERROR_NO_TRANSPORT), VALUE(HF_ERROR_CLOSED), VALUE(HF_ERROR_PEER_LOST);
    VALUE(HF_ERROR_PEER_RESTARTED), VALUE(HF_ERROR_TRUNCATED), VALUE(HF_ERROR_CANCELLED), VALUE(HF_ERROR_RESOURCES);
    VALUE(HF_ERROR_UNSUPPORTED), VALUE(HF_ERROR_SYSTEM), VALUE(HF_ERROR_OTHER);
    VALUE(HF_THREAD_SINGLE), VALUE(HF_THREAD_MULTIPLE), VALUE(HF_CONNECT_DIRECT), VALUE(HF_CONNECT_ON_DEMAND);
    VALUE(HF_STATE_ON_DEMAND), VALUE(HF_STATE_CONNECTING), VALUE(HF_STATE_CONNECTED), VALUE(HF_STATE_CLOSING);
    VALUE(HF_STATE_CLOSED);
    VALUE(HF_OUTCOME_CHOSEN), VALUE(HF_OUTCOME_EXCLUDED), VALUE(HF_OUTCOME_REFUSED_HERE);
    VALUE(HF_OUTCOME_REFUSED_BY_PEER), VALUE(HF_OUTCOME_NOT_TRIED);
    VALUE(HF_EVENT_CLOSED), VALUE(HF_EVENT_PEER_LOST), VALUE(HF_EVENT_PEER_RESTARTED), VALUE(HF_EVENT_FAILED);
    VALUE(HF_LOG_ERROR), VALUE(HF_LOG_WARNING), VALUE(HF_LOG_NOTICE), VALUE(HF_LOG_INFO), VALUE(HF_LOG_DEBUG);
    VALUE(HF_LOG_TRACE);
    VALUE(HF_SOURCE_DEFAULT), VALUE(HF_SOURCE_ENVIRONMENT), VALUE(HF_SOURCE_PROGRAM);
    VALUE(HF_ALLOW_GET), VALUE(HF_ALLOW_PUT), VALUE(HF_ALLOW_ATOMIC);
}

int main(void) {
    structs();
    types();
    values();
    return 0;
}
