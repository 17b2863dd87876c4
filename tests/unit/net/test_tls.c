/* test_tls.c - nothing is sent to an upstream that is not who it must be. */
#include "trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/authorities.h"
#include "testcert.h"

#define REPLY RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define AGAIN                                                                                      \
    {                                                                                              \
        .verb = RAW_AGAIN                                                                          \
    }
#define HERE "IP:127.0.0.1"

static const struct rawserver_script answering = {{READ, REPLY, AGAIN}};
static struct testcert_authority ours, theirs;

static struct pool_options
trusting(const char *ca_file)
{
    struct pool_options options = trial_options;
    options.ca_file = ca_file;
    return options;
}

/* Opens a trial of which the trial owns neither `tls` nor the authority. */
static void
open_tls(struct trial *trial, const struct rawserver_script *script, SSL_CTX *tls,
         const char *ca_file)
{
    const struct pool_options options = trusting(ca_file);
    trial_open(trial, script, 1, tls, &options);
}

static void
assert_nothing_was_sent(struct trial *trial, const char *fault)
{
    assert_string_equal(wire_fault_name(trial->reply.fault), fault);
    assert_int_equal(trial->reply.status, 0);
    assert_int_equal(trial->heads, 0);
    assert_non_null(trial->reply.why);
    assert_int_equal(rawserver_requests(trial->server), 0);
}

static void
a_good_certificate_is_taken_and_its_connection_used_again(void **state)
{
    (void)state;
    SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
    struct trial trial;
    open_tls(&trial, &answering, tls, ours.path);
    trial_get(&trial);
    assert_string_equal(wire_fault_name(trial.reply.fault), "none");
    assert_true(trial.reply.body_complete);
    assert_true(trial.reply.connect_us > 0);
    trial_get(&trial);
    assert_true(trial.reply.reused_connection);
    assert_int_equal(rawserver_accepts(trial.server), 1);
    trial_close(&trial);
    SSL_CTX_free(tls);
}

/* What was known of the dead one must not be asked of the one that takes its place. */
static void
a_dead_warm_connection_is_replaced_by_a_fresh_one(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {{{READ, REPLY, READ}},
                                                      {{READ, REPLY, AGAIN}}};
    const struct pool_options options = trusting(ours.path);
    SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
    struct trial trial;
    trial_open(&trial, scripts, 2, tls, &options);
    for (int i = 0; i < 4; i++) {
        trial_get(&trial);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_int_equal(trial.reply.reused_connection, i >= 2);
    }
    assert_int_equal(rawserver_accepts(trial.server), 2);
    trial_close(&trial);
    SSL_CTX_free(tls);
}

static void
u06_to_u08_a_bad_certificate_stops_before_the_request(void **state)
{
    (void)state;
    const struct {
        const struct testcert_authority *authority;
        const char *san;
        int from_days, until_days;
    } cases[] = {
        {&ours, HERE, -2, -1},           /* expired */
        {&ours, HERE, 1, 2},             /* not yet */
        {&ours, "IP:127.0.0.2", -1, 1},  /* another host's */
        {&ours, "DNS:x.example", -1, 1}, /* another name's */
        {&theirs, HERE, -1, 1},          /* of an authority we do not know */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        SSL_CTX *tls = testcert_server(cases[i].authority, cases[i].san, cases[i].from_days,
                                       cases[i].until_days);
        struct trial trial;
        open_tls(&trial, &answering, tls, ours.path);
        trial_get(&trial);
        assert_nothing_was_sent(&trial, "certificate");
        trial_close(&trial);
        SSL_CTX_free(tls);
    }
}

static void
an_authority_that_was_not_named_is_not_trusted(void **state)
{
    (void)state;
    SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
    struct trial trial;
    open_tls(&trial, &answering, tls, NULL);
    trial_get(&trial);
    assert_nothing_was_sent(&trial, "certificate");
    trial_close(&trial);
    SSL_CTX_free(tls);
}

static void
an_unreadable_authority_closes_and_does_not_open(void **state)
{
    (void)state;
    SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
    struct trial trial;
    open_tls(&trial, &answering, tls, "/nonexistent/ca.pem");
    trial_get(&trial);
    assert_nothing_was_sent(&trial, "certificate");
    trial_close(&trial);
    SSL_CTX_free(tls);
}

static void
only_a_directory_with_hashed_names_can_be_looked_into(void **state)
{
    (void)state;
    char dir[] = "/tmp/postern-test-certs-XXXXXX";
    char bundle[64], hashed[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(bundle, sizeof bundle, "%s/bundle.pem", dir);
    (void)snprintf(hashed, sizeof hashed, "%s/a94d09e5.0", dir);
    assert_int_equal(symlink("nowhere", bundle), 0);
    assert_false(authorities_is_hashed(dir));
    assert_int_equal(symlink("nowhere", hashed), 0);
    assert_true(authorities_is_hashed(dir));
    unlink(hashed);
    unlink(bundle);
    rmdir(dir);
    assert_false(authorities_is_hashed(dir));
    assert_false(authorities_is_hashed(NULL));
}

/* A connection that was checked against one authority must not serve a request that names another,
 * nor must the authority of one request hold for the next. */
static void
the_requests_authority_stands_in_place_of_the_pools(void **state)
{
    (void)state;
    const char *const of_the_pool[] = {theirs.path, NULL};
    for (size_t i = 0; i < sizeof of_the_pool / sizeof of_the_pool[0]; i++) {
        SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
        struct trial trial;
        open_tls(&trial, &answering, tls, of_the_pool[i]);
        struct wire_request request = trial_request(&trial, "GET");
        request.ca_file = ours.path;
        trial_run(&trial, &request);
        assert_true(trial.reply.body_complete);
        request.ca_file = NULL;
        trial_run(&trial, &request);
        assert_string_equal(wire_fault_name(trial.reply.fault), "certificate");
        assert_int_equal(rawserver_requests(trial.server), 1);
        trial_close(&trial);
        SSL_CTX_free(tls);
    }
}

static void
u09_old_tls_is_refused(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
        SSL_CTX_set_security_level(tls, 0);
        SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(tls, versions[i]);
        struct trial trial;
        open_tls(&trial, &answering, tls, ours.path);
        trial_get(&trial);
        assert_nothing_was_sent(&trial, "tls");
        trial_close(&trial);
        SSL_CTX_free(tls);
    }
}

static void
u10_a_handshake_that_stalls_is_given_up_in_time(void **state)
{
    (void)state;
    static const struct rawserver_script silent = {{{.verb = RAW_HOLD}}};
    SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
    struct trial trial;
    open_tls(&trial, &silent, tls, ours.path);
    struct wire_request request = trial_request(&trial, "GET");
    request.connect_timeout_ms = 300;
    trial_run(&trial, &request);
    assert_nothing_was_sent(&trial, "tls");
    assert_true(trial.took_ms >= 250 && trial.took_ms < 3000);
    trial_close(&trial);
    SSL_CTX_free(tls);
}

static void
u10_plain_text_on_a_tls_port_is_a_tls_fault(void **state)
{
    (void)state;
    static const struct rawserver_script plain = {
        {{.verb = RAW_READ_SOME}, RAW_BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")}};
    struct trial trial;
    open_tls(&trial, &plain, NULL, ours.path);
    char origin[64], url[TRIAL_URL_MAX];
    (void)snprintf(origin, sizeof origin, "https%s",
                   rawserver_origin(trial.server) + strlen("http"));
    (void)snprintf(url, sizeof url, "%s/", origin);
    struct wire_request request = trial_request(&trial, "GET");
    request.url = url;
    request.origin = origin;
    trial_run(&trial, &request);
    assert_nothing_was_sent(&trial, "tls");
    trial_close(&trial);
}

/* Some versions of the library take a connection that was cut for one that said goodbye (7.88
 * does), so whoever reads such a body must see for himself that it ends well: he is told. */
static void
a_body_that_ends_by_closing_is_told_to_be_one_over_tls_too(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES("HTTP/1.1 200 OK\r\n\r\nok")}},
        {{READ, RAW_BYTES("HTTP/1.1 200 OK\r\n\r\nok"), {.verb = RAW_DROP}}},
    };
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
        struct trial trial;
        open_tls(&trial, &scripts[is_cut], tls, ours.path);
        trial_get(&trial);
        assert_true(trial.reply.close_delimited);
        assert_true(is_cut || trial.reply.body_complete);
        assert_string_equal(buf_text(&trial.body), "ok");
        trial_close(&trial);
        SSL_CTX_free(tls);
    }
}

/* A stated length needs no goodbye. */
static void
a_cut_of_a_stated_length_is_seen_and_its_end_needs_no_goodbye(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), {.verb = RAW_DROP}}},
        {{READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), {.verb = RAW_DROP}}},
    };
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
        struct trial trial;
        open_tls(&trial, &scripts[is_cut], tls, ours.path);
        trial_get(&trial);
        assert_string_equal(wire_fault_name(trial.reply.fault), is_cut ? "cut" : "none");
        assert_int_equal(trial.reply.body_complete, !is_cut);
        trial_close(&trial);
        SSL_CTX_free(tls);
    }
}

static void
a_reset_inside_a_body_is_a_cut_over_tls_too(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), {.verb = RAW_RESET}}};
    SSL_CTX *tls = testcert_server(&ours, HERE, -1, 1);
    struct trial trial;
    open_tls(&trial, &script, tls, ours.path);
    trial_get(&trial);
    assert_string_equal(wire_fault_name(trial.reply.fault), "cut");
    assert_int_equal(trial.reply.status, 200);
    trial_close(&trial);
    SSL_CTX_free(tls);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    testcert_authority_open(&ours, "our authority");
    testcert_authority_open(&theirs, "their authority");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_certificate_is_taken_and_its_connection_used_again),
        cmocka_unit_test(a_dead_warm_connection_is_replaced_by_a_fresh_one),
        cmocka_unit_test(u06_to_u08_a_bad_certificate_stops_before_the_request),
        cmocka_unit_test(an_authority_that_was_not_named_is_not_trusted),
        cmocka_unit_test(an_unreadable_authority_closes_and_does_not_open),
        cmocka_unit_test(the_requests_authority_stands_in_place_of_the_pools),
        cmocka_unit_test(only_a_directory_with_hashed_names_can_be_looked_into),
        cmocka_unit_test(u09_old_tls_is_refused),
        cmocka_unit_test(u10_a_handshake_that_stalls_is_given_up_in_time),
        cmocka_unit_test(u10_plain_text_on_a_tls_port_is_a_tls_fault),
        cmocka_unit_test(a_body_that_ends_by_closing_is_told_to_be_one_over_tls_too),
        cmocka_unit_test(a_cut_of_a_stated_length_is_seen_and_its_end_needs_no_goodbye),
        cmocka_unit_test(a_reset_inside_a_body_is_a_cut_over_tls_too),
    };
    int failed = cmocka_run_group_tests_name("transfer: TLS", tests, NULL, NULL);
    testcert_authority_close(&ours);
    testcert_authority_close(&theirs);
    return failed;
}
