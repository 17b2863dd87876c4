/* test_complaint.c - what core/complaint.c understands of the providers' error bodies. */
#include "core/complaint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sample {
    const char *body;
    enum complaint about;
    int status;
};

static void
check_samples(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &samples[i];
        struct complaint_view view = complaint_read(span_from(sample->body));
        if (view.about != sample->about || view.status != sample->status)
            fail_msg("%s: %s %d, not %s %d", sample->body, complaint_name(view.about), view.status,
                     complaint_name(sample->about), sample->status);
    }
}

#define ERROR(inside) "{\"error\":{" inside "}}"
#define ERROR_CODE(code)                                                                           \
    ERROR("\"message\":\"m\",\"type\":\"invalid_request_error\",\"code\":\"" code "\"")

static void
money_is_told_from_a_limit(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ERROR_CODE("insufficient_quota"), COMPLAINT_QUOTA, 0},
        {ERROR_CODE("credit_balance_exhausted"), COMPLAINT_QUOTA, 0},
        {ERROR_CODE("organization_spend_limit_exceeded"), COMPLAINT_QUOTA, 0},
        {ERROR_CODE("project_spend_limit_exceeded"), COMPLAINT_QUOTA, 0},
        {ERROR_CODE("organization_usage_limit_exceeded"), COMPLAINT_QUOTA, 0},
        {ERROR_CODE("billing_hard_limit_reached"), COMPLAINT_QUOTA, 0},
        {ERROR("\"type\":\"insufficient_quota\",\"code\":null,\"message\":\"m\""), COMPLAINT_QUOTA,
         0},
        {"{\"type\":\"error\",\"error\":{\"type\":\"billing_error\",\"message\":\"m\"}}",
         COMPLAINT_QUOTA, 0},
        /* Anthropic: the detail outweighs the type */
        {"{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\","
         "\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}",
         COMPLAINT_QUOTA, 0},
        /* Anthropic: a 400 that is money */
        {ERROR("\"type\":\"invalid_request_error\",\"message\":\"You have reached your specified "
               "API usage limits. You will regain access on 2026-01-01 at 00:00 UTC.\""),
         COMPLAINT_QUOTA, 0},
        {ERROR("\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low to "
               "access the Anthropic API. Please go to Plans & Billing to upgrade or purchase "
               "credits.\""),
         COMPLAINT_QUOTA, 0},
        /* DeepSeek */
        {ERROR("\"message\":\"Insufficient Balance\",\"type\":\"unknown_error\",\"param\":null,"
               "\"code\":\"invalid_request_error\""),
         COMPLAINT_QUOTA, 0},
        /* OpenRouter */
        {ERROR("\"code\":402,\"message\":\"Insufficient credits. Add more.\""), COMPLAINT_QUOTA,
         402},
        /* Azure API Management */
        {"{\"statusCode\":403,\"message\":\"Out of call volume quota. Quota will be replenished in "
         "1:00:00.\"}",
         COMPLAINT_QUOTA, 403},
    };
    check_samples(samples, COUNT(samples));
}

static void
limits_overload_and_failures_are_told_apart(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ERROR("\"message\":\"Request too large for gpt-4o in organization org-x on tokens per min"
               " (TPM): Limit 30000, Requested 61000.\",\"type\":\"tokens\","
               "\"code\":\"rate_limit_exceeded\""),
         COMPLAINT_CONTEXT, 0},
        {ERROR("\"message\":\"You have insufficient permissions for this operation. Missing scopes:"
               " model.request.\",\"type\":\"invalid_request_error\",\"code\":null"),
         COMPLAINT_SCOPE, 0},
        {ERROR("\"message\":\"m\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\""),
         COMPLAINT_RATE, 0},
        {ERROR("\"message\":\"m\",\"type\":\"tokens\",\"code\":null"), COMPLAINT_RATE, 0},
        {ERROR_CODE("slow_down"), COMPLAINT_RATE, 0},
        {ERROR_CODE("RateLimitReached"), COMPLAINT_RATE, 0},
        {"{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"}}",
         COMPLAINT_RATE, 0},
        /* Azure */
        {ERROR("\"code\":\"429\",\"message\":\"Requests to the … have exceeded call rate limit.\""),
         COMPLAINT_OTHER, 429},
        {"{\"statusCode\":429,\"message\":\"Rate limit is exceeded. Try again in 32 seconds.\"}",
         COMPLAINT_RATE, 429},
        /* Google, alone and in the list of one that a stream's request gets */
        {ERROR("\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{}]"),
         COMPLAINT_RATE, 429},
        {"[" ERROR("\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"") "]\n",
         COMPLAINT_OVERLOAD, 503},
        {ERROR_CODE("server_is_overloaded"), COMPLAINT_OVERLOAD, 0},
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"
         "}",
         COMPLAINT_OVERLOAD, 0},
        {ERROR("\"type\":\"server_error\",\"message\":\"m\",\"code\":null"), COMPLAINT_SERVER, 0},
        {"{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}",
         COMPLAINT_SERVER, 0},
        {ERROR("\"code\":\"InternalServerError\",\"message\":\"m\""), COMPLAINT_SERVER, 0},
        {ERROR("\"code\":500,\"message\":\"m\",\"status\":\"INTERNAL\""), COMPLAINT_SERVER, 500},
    };
    check_samples(samples, COUNT(samples));
}

static void
keys_models_lengths_and_filters_are_recognised(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ERROR_CODE("invalid_api_key"), COMPLAINT_AUTH, 0},
        {ERROR("\"type\":\"authentication_error\",\"message\":\"invalid x-api-key\""),
         COMPLAINT_AUTH, 0},
        {ERROR("\"type\":\"permission_error\",\"message\":\"m\""), COMPLAINT_AUTH, 0},
        {ERROR("\"code\":\"PermissionDenied\",\"message\":\"m\""), COMPLAINT_AUTH, 0},
        {ERROR("\"code\":\"401\",\"message\":\"Access denied due to invalid subscription key or "
               "wrong API endpoint.\""),
         COMPLAINT_AUTH, 401},

        {ERROR_CODE("context_length_exceeded"), COMPLAINT_CONTEXT, 0},
        {ERROR("\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210000 tokens "
               "> 200000 maximum\""),
         COMPLAINT_CONTEXT, 0},
        {ERROR("\"type\":\"BadRequestError\",\"code\":400,\"message\":\"This model's maximum "
               "context length is 4096 tokens.\""),
         COMPLAINT_CONTEXT, 400},
        {ERROR("\"type\":\"request_too_large\",\"message\":\"m\""), COMPLAINT_CONTEXT, 0},
        {ERROR("\"type\":\"exceed_context_size_error\",\"code\":400,\"message\":\"m\""),
         COMPLAINT_CONTEXT, 400},

        {ERROR("\"code\":\"content_filter\",\"message\":\"m\",\"type\":null,\"status\":400"),
         COMPLAINT_CONTENT, 400},
        {ERROR("\"code\":null,\"message\":\"m\",\"innererror\":{\"code\":"
               "\"ResponsibleAIPolicyViolation\",\"content_filter_result\":{}}"),
         COMPLAINT_CONTENT, 0},
        {ERROR("\"code\":\"BadRequest\",\"message\":\"m\",\"inner_error\":{\"code\":"
               "\"ResponsibleAIPolicyViolation\"}"),
         COMPLAINT_CONTENT, 0},
        {ERROR_CODE("content_policy_violation"), COMPLAINT_CONTENT, 0},
        {ERROR("\"code\":null,\"type\":\"invalid_request_error\",\"message\":\"Your request was "
               "rejected as a result of our safety system.\""),
         COMPLAINT_CONTENT, 0},

        {ERROR_CODE("model_not_found"), COMPLAINT_MODEL, 0},
        {ERROR("\"code\":\"DeploymentNotFound\",\"message\":\"m\""), COMPLAINT_MODEL, 0},
        {"{\"object\":\"error\",\"message\":\"The model `x` does not exist.\",\"type\":"
         "\"NotFoundError\",\"param\":null,\"code\":404}",
         COMPLAINT_MODEL, 404},
        {"{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"model: "
         "claude-0\"}}",
         COMPLAINT_MODEL, 0},

        {ERROR("\"type\":\"invalid_request_error\",\"code\":null,\"message\":\"m\""),
         COMPLAINT_CLIENT, 0},
        {ERROR("\"type\":\"invalid_request_error\",\"message\":\"model: Field required\""),
         COMPLAINT_CLIENT, 0},
        {ERROR("\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"message\":\"m\""), COMPLAINT_CLIENT,
         400},
    };
    check_samples(samples, COUNT(samples));
}

/* The words and messages that no test above has as its own. */
static void
other_words_of_the_providers_are_understood(void **state)
{
    (void)state;
    static const struct {
        enum complaint about;
        const char *words;
    } lists[] = {
        {COMPLAINT_QUOTA, "billing_not_active exceeded_current_quota_error InsufficientBalance "
                          "insufficient_credits payment_required QuotaExceeded"},
        {COMPLAINT_RATE, "rate_limit_reached_error rate_limited TooManyRequests requests tokens "
                         "ThrottlingException service_tier_capacity_exceeded"},
        {COMPLAINT_OVERLOAD,
         "overloaded_error overloaded engine_overloaded NoCapacity "
         "engine_overloaded_error ServiceUnavailable service_unavailable_error"},
        {COMPLAINT_SERVER, "internal_error timeout_error Timeout DEADLINE_EXCEEDED bad_gateway "
                           "upstream_error"},
        {COMPLAINT_AUTH, "incorrect_api_key invalid_authentication invalid_authentication_error "
                         "PermissionDeniedError UNAUTHENTICATED AccessDenied account_deactivated "
                         "invalid_organization mismatched_organization ip_not_authorized "
                         "unsupported_country_region_territory"},
        {COMPLAINT_CONTEXT, "context_window_exceeded tokens_limit_reached"},
        {COMPLAINT_CONTENT, "moderation_blocked invalid_prompt DataInspectionFailed"},
        {COMPLAINT_MODEL, "unknown_model InvalidModel model_not_available"},
        {COMPLAINT_CLIENT, "invalid_request invalid_parameter invalid_value BadRequest "
                           "BadRequestError not_found_error NOT_FOUND conflict_error "
                           "validation_error UnprocessableEntity"},
        {COMPLAINT_OTHER, "rate rate_limit_exceededs insufficient quotas x 3505"},
    };
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct span rest = span_from(lists[i].words);
        while (rest.len > 0) {
            char body[128];
            struct span word = span_split(&rest, ' ');
            (void)snprintf(body, sizeof(body), ERROR("\"code\":\"" SPAN_FMT "\""), SPAN_ARG(word));
            check_samples(&(struct sample){body, lists[i].about, 0}, 1);
        }
    }
}

static void
other_messages_of_the_providers_are_understood(void **state)
{
    (void)state;
    static const struct {
        enum complaint about;
        const char *message;
    } samples[] = {
        {COMPLAINT_QUOTA, "You exceeded your current quota, please check your plan"},
        {COMPLAINT_AUTH, "Incorrect API key provided: sk-…"},
        {COMPLAINT_RATE, "Too many requests, slow"},
        {COMPLAINT_RATE, "Requests rate limit exceeded"},
        {COMPLAINT_OVERLOAD, "Overloaded, please wait"},
        {COMPLAINT_OVERLOAD, "The model is overloaded. Please try again later."},
        {COMPLAINT_CONTEXT, "input length and `max_tokens` exceed context limit: 1 + 2 > 2"},
        {COMPLAINT_CONTEXT, "Input is too long for requested model."},
        {COMPLAINT_CONTEXT, "Your input exceeds the context window of this model."},
        {COMPLAINT_CONTEXT, "the request exceeds the available context size"},
        {COMPLAINT_CONTENT, "triggering Azure OpenAI's content management policy."},
        {COMPLAINT_CONTENT, "Output blocked by content filtering policy"},
        {COMPLAINT_OTHER, "The model `x` is slow"},
        {COMPLAINT_OTHER, ""},
    };
    for (size_t i = 0; i < COUNT(samples); i++) {
        char body[256];
        (void)snprintf(body, sizeof(body), ERROR("\"message\":\"%s\""), samples[i].message);
        check_samples(&(struct sample){body, samples[i].about, 0}, 1);
        if (samples[i].about == COMPLAINT_OTHER)
            continue;
        (void)snprintf(body, sizeof(body), "{\"error\":\"%s\"}", samples[i].message);
        check_samples(&(struct sample){body, samples[i].about, 0}, 1);
    }
}

static void
every_shape_of_an_error_is_found(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"error\":\"model overloaded\"}", COMPLAINT_OVERLOAD, 0},
        {"{\"error\":\"rate_limit_exceeded\",\"message\":\"m\",\"status\":429}", COMPLAINT_RATE,
         429},
        {"{\"error\":\"Unauthorized\",\"status_code\":401}", COMPLAINT_AUTH, 401},
        {"{\"error\":\"it broke\"}", COMPLAINT_OTHER, 0},
        {"{\"error\":true}", COMPLAINT_OTHER, 0},
        {"{\"error\":{}}", COMPLAINT_OTHER, 0},
        {"{\"errors\":[{\"code\":\"slow_down\",\"message\":\"m\"}],\"success\":false}",
         COMPLAINT_RATE, 0},
        {"{\"detail\":\"Rate limit exceeded\"}", COMPLAINT_RATE, 0},
        {"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"m\",\"type\":\"missing\"}]}", COMPLAINT_OTHER,
         0},
        {"{\"detail\":{\"code\":\"invalid_api_key\"}}", COMPLAINT_AUTH, 0},
        {"{\"code\":1234,\"message\":\"m\"}", COMPLAINT_OTHER, 0},
        {"{\"type\":\"error\",\"message\":\"m\"}", COMPLAINT_OTHER, 0},
        {"{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}", COMPLAINT_RATE, 0},
        {"{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\",\"param\":null}",
         COMPLAINT_SERVER, 0},
        {"{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
         "\"rate_limit_exceeded\",\"message\":\"m\"}}}",
         COMPLAINT_RATE, 0},
        /* OpenRouter, inside a 200 */
        {ERROR("\"code\":429,\"message\":\"Provider returned error\",\"metadata\":{}"),
         COMPLAINT_OTHER, 429},
        {" \n" ERROR("\"code\" : 502") "\n", COMPLAINT_OTHER, 502},
        {"{\"error\":{\"code\":\"slow_down\"},\"error\":null}", COMPLAINT_RATE, 0},
    };
    check_samples(samples, COUNT(samples));
}

static void
what_is_no_error_is_none(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"", COMPLAINT_NONE, 0},
        {"<html><body>503</body></html>", COMPLAINT_NONE, 0},
        {"{\"error\":{\"code\":429", COMPLAINT_NONE, 0},
        {"{}", COMPLAINT_NONE, 0},
        {"[]", COMPLAINT_NONE, 0},
        {"\"error\"", COMPLAINT_NONE, 0},
        {"{\"error\":null,\"choices\":[]}", COMPLAINT_NONE, 0},
        {"{\"error\":false}", COMPLAINT_NONE, 0},
        {"{\"error\":\"\"}", COMPLAINT_NONE, 0},
        {"{\"errors\":[],\"detail\":null}", COMPLAINT_NONE, 0},
        {"{\"choices\":[{\"content_filter_results\":{\"error\":{\"code\":\"x\"}}}]}",
         COMPLAINT_NONE, 0},
        {"{\"type\":\"response.created\",\"response\":{\"error\":null}}", COMPLAINT_NONE, 0},
        {"{\"object\":\"response\",\"status\":\"completed\",\"error\":null}", COMPLAINT_NONE, 0},
        {"{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"error\"}]}",
         COMPLAINT_NONE, 0},
        {"{\"message\":{\"content\":\"hi\"},\"code\":1}", COMPLAINT_NONE, 0},
        {"{\"message\":\"hello\",\"status\":\"completed\"}", COMPLAINT_NONE, 0},
        {"{\"message\":\"hello\",\"type\":\"message\",\"object\":\"x\"}", COMPLAINT_NONE, 0},
    };
    check_samples(samples, COUNT(samples));
}

static void
a_quoted_client_cannot_make_an_upstream_rest(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ERROR("\"type\":\"invalid_request_error\",\"message\":\"Invalid value: 'You exceeded your "
               "current quota'.\""),
         COMPLAINT_CLIENT, 0},
        {ERROR("\"type\":\"invalid_request_error\",\"message\":\"bad name: Incorrect API key "
               "provided\""),
         COMPLAINT_CLIENT, 0},
        {ERROR_CODE("model_not_found\",\"param\":\"insufficient_quota"), COMPLAINT_MODEL, 0},
    };
    check_samples(samples, COUNT(samples));
}

static void
only_an_error_status_is_a_status(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ERROR("\"code\":200"), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":1302"), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":-429"), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":429.0"), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":\"3505\""), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":99999999999999999999999"), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":400"), COMPLAINT_OTHER, 400},
        {ERROR("\"code\":599"), COMPLAINT_OTHER, 599},
        {ERROR("\"code\":600"), COMPLAINT_OTHER, 0},
        {ERROR("\"code\":\"x\",\"status\":418"), COMPLAINT_OTHER, 418},
    };
    check_samples(samples, COUNT(samples));
}

static void
knows_openais_own_shape(void **state)
{
    (void)state;
    assert_true(complaint_read(span_from(ERROR_CODE("x"))).is_openai_shaped);
    assert_false(complaint_read(span_from("{\"error\":\"text\"}")).is_openai_shaped);
    assert_false(complaint_read(span_from(ERROR("\"code\":1"))).is_openai_shaped);
    assert_false(complaint_read(span_from(ERROR("\"message\":{}"))).is_openai_shaped);
    assert_false(complaint_read(span_from("{\"code\":1,\"message\":\"m\"}")).is_openai_shaped);
    assert_false(complaint_read(span_from("{\"response\":" ERROR_CODE("x") "}")).is_openai_shaped);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_is_told_from_a_limit),
        cmocka_unit_test(limits_overload_and_failures_are_told_apart),
        cmocka_unit_test(keys_models_lengths_and_filters_are_recognised),
        cmocka_unit_test(other_words_of_the_providers_are_understood),
        cmocka_unit_test(other_messages_of_the_providers_are_understood),
        cmocka_unit_test(every_shape_of_an_error_is_found),
        cmocka_unit_test(what_is_no_error_is_none),
        cmocka_unit_test(a_quoted_client_cannot_make_an_upstream_rest),
        cmocka_unit_test(only_an_error_status_is_a_status),
        cmocka_unit_test(knows_openais_own_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
