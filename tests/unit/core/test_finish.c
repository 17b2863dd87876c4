/* test_finish.c - what finish reasons say, in the spellings of the hosts that are in use. */
#include "core/finish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
each_reason_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum finish then;
    } rows[] = {
        {"", FINISH_NONE},
        {"null", FINISH_NONE},
        {"\"\"", FINISH_NONE},
        {"\"null\"", FINISH_NONE}, /* KoboldCpp */
        {"\"None\"", FINISH_NONE},
        {"\"in_progress\"", FINISH_NONE},
        {"\"FINISH_REASON_UNSPECIFIED\"", FINISH_NONE}, /* Google */
        {"0", FINISH_NONE},
        {"true", FINISH_NONE},
        {"{}", FINISH_NONE},
        {"\"stop\"", FINISH_END},
        {"\"STOP\"", FINISH_END},
        {"\"st\\u006fp\"", FINISH_END},
        {"\"length\"", FINISH_END},
        {"\"tool_calls\"", FINISH_END},
        {"\"tool-calls\"", FINISH_END},
        {"\"function_call\"", FINISH_END},
        {"\"content_filter\"", FINISH_END},
        {"\"end_turn\"", FINISH_END},
        {"\"max_tokens\"", FINISH_END},
        {"\"MAX_TOKENS\"", FINISH_END},
        {"\"stop_sequence\"", FINISH_END},
        {"\"model_length\"", FINISH_END}, /* Mistral */
        {"\"eos_token\"", FINISH_END},
        {"\"SAFETY\"", FINISH_END},
        {"\"error\"", FINISH_FAILURE},
        {"\"Error\"", FINISH_FAILURE},
        {"\"abort\"", FINISH_FAILURE}, /* vLLM, SGLang */
        {"\"aborted\"", FINISH_FAILURE},
        {"\"cancelled\"", FINISH_FAILURE},
        {"\"canceled\"", FINISH_FAILURE},
        {"\"USER_CANCEL\"", FINISH_FAILURE},
        {"\"network_error\"", FINISH_FAILURE},                /* Zhipu */
        {"\"insufficient_system_resource\"", FINISH_FAILURE}, /* DeepSeek */
        {"\"timed_out\"", FINISH_FAILURE},
        {"\"upstream failure\"", FINISH_FAILURE},
        {"\"interrupted\"", FINISH_FAILURE},
        {"\"OTHER\"", FINISH_UNKNOWN},
        {"\"MALFORMED_FUNCTION_CALL\"", FINISH_UNKNOWN},
        {"\"stopped\"", FINISH_UNKNOWN},
        {"\"a reason that is longer than any reason that anybody has ever given for an end\"",
         FINISH_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (finish_read(span_from(rows[i].value)) != rows[i].then)
            fail_msg("%s", rows[i].value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_reason_has_its_meaning)};
    return cmocka_run_group_tests_name("core/finish", tests, NULL, NULL);
}
