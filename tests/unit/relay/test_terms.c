/* How many answers a request asks for, and of how many inputs. */
#include "relay/request.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int64_t
read_rest(void *self, char *out, size_t room)
{
    struct span *rest = self;
    size_t len = rest->len < room ? rest->len : room;
    memcpy(out, rest->ptr, len);
    *rest = span_of(rest->ptr + len, rest->len - len);
    return (int64_t)len;
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
    static const struct request_limits limits = {1000, 60000};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri,
                                      "CONTENT_TYPE=application/json", NULL};
        struct request request;
        struct request_fault fault;
        struct span rest = span_from(rows[i].body);
        const struct source source = {&rest, read_rest};
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request_load_body(&request, &source, &limits, &fault), 0);
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
        cmocka_unit_test(how_many_answers_were_asked_for_is_read_from_the_body),
    };
    return cmocka_run_group_tests_name("relay/request, its terms", tests, NULL, NULL);
}
