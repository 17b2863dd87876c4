/* test_unread.c - what an upstream says unasked is nobody's answer. */
#include "trial.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "testcert.h"

#define EXTRA "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"
#define BODY_BYTES 20000 /* more than the library or a record of TLS takes at once */

static char longer[BODY_BYTES + 200];

/* An answer, and behind its stated length a second one, in one piece. */
static struct span
make_longer_answer(void)
{
    int head = snprintf(longer, sizeof longer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                        BODY_BYTES);
    memset(longer + head, 'x', BODY_BYTES);
    memcpy(longer + head + BODY_BYTES, EXTRA, sizeof EXTRA - 1);
    return span_of(longer, (size_t)head + BODY_BYTES + sizeof EXTRA - 1);
}

static void
assert_stale_is_not_taken(SSL_CTX *tls, const char *ca_file)
{
    const struct rawserver_script scripts[] = {
        {{{.verb = RAW_READ},
          {.verb = RAW_SEND, .bytes = make_longer_answer()},
          {.verb = RAW_HOLD}}},
        {{{.verb = RAW_READ}, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh")}},
    };
    struct pool_options options = trial_options;
    options.ca_file = ca_file;
    struct trial trial;
    trial_open(&trial, scripts, 2, tls, &options);
    trial_get(&trial);
    assert_string_equal(wire_fault_name(trial.reply.fault), "none");
    assert_int_equal(trial.body.len, BODY_BYTES);
    trial_get(&trial);
    char second[8];
    (void)snprintf(second, sizeof second, "%s", buf_text(&trial.body));
    trial_close(&trial); /* first, so that a failure does not leave its threads waiting */
    assert_string_equal(second, "fresh");
}

static void
a_second_answer_behind_the_first_is_not_taken_for_the_next_requests(void **state)
{
    (void)state;
    assert_stale_is_not_taken(NULL, NULL);
}

static void
nor_is_one_that_tls_has_taken_already(void **state)
{
    (void)state;
    struct testcert_authority ours;
    testcert_authority_open(&ours, "our authority");
    SSL_CTX *tls = testcert_server(&ours, "IP:127.0.0.1", -1, 1);
    assert_stale_is_not_taken(tls, ours.path);
    SSL_CTX_free(tls);
    testcert_authority_close(&ours);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_answer_behind_the_first_is_not_taken_for_the_next_requests),
        cmocka_unit_test(nor_is_one_that_tls_has_taken_already),
    };
    return cmocka_run_group_tests_name("transfer: unread bytes", tests, NULL, NULL);
}
