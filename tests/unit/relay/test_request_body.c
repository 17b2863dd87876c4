/* A request's body: read whole, checked, and understood as far as it decides something. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/request.h"

#define LIMITS (&(const struct request_limits){.max_bytes = 4096, .timeout_ms = 30000})

struct text_source {
    const char *rest;
    size_t step; /* bytes a read gives at most */
};

static int64_t
read_text(void *self, char *out, size_t room)
{
    struct text_source *text = self;
    size_t len = strlen(text->rest);
    len = len < room ? len : room;
    len = len < text->step ? len : text->step;
    memcpy(out, text->rest, len);
    text->rest += len;
    return (int64_t)len;
}

static int
load(struct request *request, const char *length, const char *type, const char *body,
     struct request_fault *fault)
{
    const char *const params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/chat/completions", type,
                                  length, NULL};
    struct text_source text = {body, 3};
    const struct source source = {&text, read_text};
    *fault = (struct request_fault){.failure = FAILURE_COUNT};
    assert_int_equal(request_read(request, params, "", fault), 0);
    return request_load_body(request, &source, LIMITS, fault);
}

static void
a_good_body_is_kept_byte_for_byte_and_understood(void **state)
{
    (void)state;
    static const char body[] = "{ \"stream\" :true, \"n\":1e400,\"\\u006dodel\": \"a\\u002fb\" }";
    struct request request;
    struct request_fault fault;
    assert_int_equal(
        load(&request, NULL, "CONTENT_TYPE=application/json; charset=utf-8", body, &fault), 0);
    assert_true(span_is(buf_span(&request.body), body));
    assert_true(request.wants_stream);
    assert_string_equal(request.model_name, "a/b");
    assert_true(span_is(request.model.value, "\"a\\u002fb\""));
    request_fini(&request);
}

/* What core/affinity.c makes of it is tested there; here: that it is given the right members. */
static void
a_conversation_is_known_by_its_body_or_its_session(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"prompt_cache_key\":\"a\"}", "{\"user\":\"a\"}",
                                         "{\"messages\":[{\"role\":\"user\"}]}",
                                         "{\"input\":\"a\"}", "{\"prompt\":\"a\"}"};
    struct request request;
    struct request_fault fault;
    uint64_t affinity;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(load(&request, NULL, "CONTENT_TYPE=application/json", bodies[i], &fault),
                         0);
        assert_true(affinity_find(&request.conversation, &affinity));
        request_fini(&request);
    }
    assert_int_equal(load(&request, NULL, "CONTENT_TYPE=application/json", "{\"n\":1}", &fault), 0);
    assert_false(affinity_find(&request.conversation, &affinity));
    request_fini(&request);
    assert_int_equal(load(&request, "HTTP_X_SESSION_ID=s1", "CONTENT_TYPE=application/json",
                          "{\"n\":1}", &fault),
                     0);
    assert_true(affinity_find(&request.conversation, &affinity));
    request_fini(&request);
}

static void
bad_bodies_are_refused_with_their_own_error(void **state)
{
    (void)state;
    static const char json[] = "CONTENT_TYPE=application/json";
    static const struct {
        const char *length, *type, *body;
        enum failure failure;
        const char *detail;
    } rows[] = {
        {"CONTENT_LENGTH=5", json, "{}", FAILURE_REQUEST_CUT, NULL},
        {"CONTENT_LENGTH=5000", json, "{}", FAILURE_REQUEST_TOO_LARGE, NULL},
        {"CONTENT_LENGTH=2", "CONTENT_TYPE=text/plain", "{}", FAILURE_UNSUPPORTED_MEDIA_TYPE, NULL},
        {"CONTENT_LENGTH=0", json, "", FAILURE_INVALID_JSON, NULL},
        {"CONTENT_LENGTH=7", json, "{\"a\":x}", FAILURE_INVALID_JSON, "at byte offset 5"},
        {"CONTENT_LENGTH=25", json, "{\"model\":\"a\",\"model\":\"b\"}", FAILURE_DUPLICATE_KEY,
         "model"},
        {NULL, json, "{\"model\":\"gpt\\u0000evil\"}", FAILURE_INVALID_JSON, "NUL"},
        {NULL, json, "{\"stream\":\"true\"}", FAILURE_INVALID_JSON, "stream"},
        {NULL, json, "{\"stream\":1}", FAILURE_INVALID_JSON, "stream"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request request;
        struct request_fault fault;
        assert_int_equal(load(&request, rows[i].length, rows[i].type, rows[i].body, &fault), -1);
        assert_int_equal(fault.failure, rows[i].failure);
        if (rows[i].detail) {
            assert_non_null(fault.detail);
            assert_non_null(strstr(fault.detail, rows[i].detail));
        }
        request_fini(&request);
    }
}

static void
a_path_names_the_model_until_the_body_does(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *body, *model;
    } rows[] = {
        {"REQUEST_URI=/openai/deployments/gpt%2D4o%20x/embeddings", "{}", "gpt-4o x"},
        {"REQUEST_URI=/openai/deployments/prod/embeddings", "{\"model\":null}", "prod"},
        {"REQUEST_URI=/openai/deployments/prod/embeddings", "{\"model\":\"mine\"}", "prod"},
        {"REQUEST_URI=/v1/embeddings", "{}", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri,
                                      "CONTENT_TYPE=application/json", NULL};
        struct text_source text = {rows[i].body, 100};
        const struct source source = {&text, read_text};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request_load_body(&request, &source, LIMITS, &fault), 0);
        if (rows[i].model)
            assert_string_equal(request.model_name, rows[i].model);
        else
            assert_null(request.model_name);
        request_fini(&request);
    }
}

static void
a_body_without_a_length_is_counted(void **state)
{
    (void)state;
    char body[5000];
    memset(body, ' ', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    struct request request;
    struct request_fault fault;
    assert_int_equal(load(&request, NULL, "CONTENT_TYPE=application/json", body, &fault), -1);
    assert_int_equal(fault.failure, FAILURE_REQUEST_TOO_LARGE);
    request_fini(&request);
}

static void
only_large_bodies_of_pinned_operations_are_uploads(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *length;
        bool is_upload;
    } rows[] = {
        {"REQUEST_URI=/v1/files", "CONTENT_LENGTH=1000000", true},
        {"REQUEST_URI=/v1/files", "HTTP_TRANSFER_ENCODING=chunked", true},
        {"REQUEST_URI=/v1/files", "CONTENT_LENGTH=100", false},
        {"REQUEST_URI=/v1/chat/completions", "CONTENT_LENGTH=1000000", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri, rows[i].length, NULL};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request_is_upload(&request), rows[i].is_upload);
        request_fini(&request);
    }
}

/* An array of numbers is one input in tokens; what an array of objects is, its upstream knows. */
static void
how_many_answers_were_asked_for_is_read_from_the_body(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *body;
        struct progress_terms terms;
    } rows[] = {
        {"REQUEST_URI=/v1/chat/completions", "{}", {1, 0, false}},
        {"REQUEST_URI=/v1/chat/completions", "{\"n\":3,\"prompt\":[\"a\",\"b\"]}", {3, 0, false}},
        {"REQUEST_URI=/v1/chat/completions", "{\"n\":0}", {1, 0, false}},
        {"REQUEST_URI=/v1/chat/completions", "{\"n\":\"2\"}", {1, 0, false}},
        {"REQUEST_URI=/v1/completions", "{\"n\":2,\"prompt\":\"a\"}", {2, 1, false}},
        {"REQUEST_URI=/v1/completions", "{\"n\":2,\"prompt\":[\"a\",\"b\",\"c\"]}", {6, 3, false}},
        {"REQUEST_URI=/v1/completions", "{\"prompt\":[[1,2],[3]]}", {2, 2, false}},
        {"REQUEST_URI=/v1/completions", "{\"prompt\":[1,2,3]}", {1, 1, false}},
        {"REQUEST_URI=/v1/completions",
         "{\"n\":4294967295,\"prompt\":[\"a\",\"b\"]}",
         {UINT_MAX, 2, false}},
        {"REQUEST_URI=/v1/embeddings", "{\"input\":[\"a\",\"b\"]}", {2, 2, false}},
        {"REQUEST_URI=/v1/embeddings",
         "{\"input\":[{\"image\":\"a\"},{\"text\":\"b\"}]}",
         {1, 0, false}},
        {"REQUEST_URI=/v1/moderations", "{\"input\":[]}", {1, 0, false}},
        {"REQUEST_URI=/v1/responses",
         "{\"input\":[\"a\",\"b\"],\"background\":true}",
         {1, 0, true}},
        {"REQUEST_URI=/v1/images/generations", "{\"n\":4}", {4, 0, false}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri,
                                      "CONTENT_TYPE=application/json", NULL};
        struct request request;
        struct request_fault fault;
        struct text_source text = {rows[i].body, 64};
        const struct source source = {&text, read_text};
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request_load_body(&request, &source, LIMITS, &fault), 0);
        const struct progress_terms *terms = &request.terms;
        if (terms->choices != rows[i].terms.choices || terms->inputs != rows[i].terms.inputs ||
            terms->in_background != rows[i].terms.in_background)
            fail_msg("%s: %u choices, %u inputs", rows[i].body, terms->choices, terms->inputs);
        request_fini(&request);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_body_is_kept_byte_for_byte_and_understood),
        cmocka_unit_test(a_conversation_is_known_by_its_body_or_its_session),
        cmocka_unit_test(bad_bodies_are_refused_with_their_own_error),
        cmocka_unit_test(a_path_names_the_model_until_the_body_does),
        cmocka_unit_test(a_body_without_a_length_is_counted),
        cmocka_unit_test(only_large_bodies_of_pinned_operations_are_uploads),
        cmocka_unit_test(how_many_answers_were_asked_for_is_read_from_the_body),
    };
    return cmocka_run_group_tests_name("relay/request_body", tests, NULL, NULL);
}
