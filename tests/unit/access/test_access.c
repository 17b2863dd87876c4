/* Who gets in, in which order, and who is the operator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "access/access.h"

#define KEY_ONE "pk_4f1c9a2be07d35886a0b"
#define KEY_TWO "pk_4f1c9a2be07d35886a0c" /* differs in its last byte alone */
#define ADMIN_KEY "admin-0123456789abcdef"
#define BEARER(key) SPAN_LITERAL("Bearer " key)

static struct config_key client_keys[] = {{.name = "client-1"}, {.name = "client-2"}};
static struct config_key admin_keys[] = {{.name = "admin-1"}};
static const char *const admins[] = {"root", "ann"};

static void
digest_key(struct config_key *key, const char *text)
{
    const struct span span = span_from(text);
    digest_sha256(&key->digest, &span, 1);
}

static int
make_keys(void **state)
{
    (void)state;
    digest_key(&client_keys[0], KEY_ONE);
    digest_key(&client_keys[1], KEY_TWO);
    digest_key(&admin_keys[0], ADMIN_KEY);
    return 0;
}

/* What the operator configured. */
static const struct config nothing = {.trust_remote_user = CONFIG_USER_VERIFIED};
static const struct config keyed = {.client_keys = client_keys, .client_key_count = 2};
static const struct config loopback = {.trust_loopback = true};
static const struct config open_to_all = {.open = true};
static const struct config served = {.trust_loopback = true, .loopback_is_operator = true};
static const struct config everything = {
    .client_keys = client_keys,
    .client_key_count = 2,
    .admin_keys = admin_keys,
    .admin_key_count = 1,
    .admins = admins,
    .admin_count = 2,
    .trust_remote_user = CONFIG_USER_VERIFIED,
    .trust_loopback = true,
    .open = true,
};
static const struct config guarded = {
    .client_keys = client_keys,
    .client_key_count = 2,
    .admin_keys = admin_keys,
    .admin_key_count = 1,
};
static const struct config administered = {
    .client_keys = client_keys,
    .client_key_count = 2,
    .admin_keys = admin_keys,
    .admin_key_count = 1,
    .admins = admins,
    .admin_count = 2,
    .trust_remote_user = CONFIG_USER_VERIFIED,
    .open = true,
};

/* Whom the web server verified; whom a client only names; who is on this host. */
#define VERIFIED(user) .remote_user = SPAN_LITERAL(user), .auth_type = SPAN_LITERAL("Basic")
#define NAMED(user) .remote_user = SPAN_LITERAL(user)
#define FROM(addr)                                                                                 \
    .remote_addr = SPAN_LITERAL(addr), .server_addr = SPAN_LITERAL("127.0.0.1"),                   \
    .host = SPAN_LITERAL("127.0.0.1:8080")

struct row {
    const char *what;
    const struct config *config;
    struct access_credentials shown;
    enum access_verdict verdict;
    const char *name;
};

static void
expect(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct access_decision decision = access_check_client(rows[i].config, &rows[i].shown);
        if (decision.verdict != rows[i].verdict || strcmp(decision.name, rows[i].name) != 0)
            fail_msg("%s: verdict %d, name %s", rows[i].what, (int)decision.verdict, decision.name);
    }
}
#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof((rows)[0]))

/* --- keys ----------------------------------------------------------------- */

static void
a_valid_key_gets_in_whichever_header_carries_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"bearer", &keyed, {.authorization = BEARER(KEY_ONE)}, ACCESS_GRANTED, "client-1"},
        {"bearer of the second",
         &keyed,
         {.authorization = BEARER(KEY_TWO)},
         ACCESS_GRANTED,
         "client-2"},
        {"the scheme has no case",
         &keyed,
         {.authorization = SPAN_LITERAL("bEARER  " KEY_ONE " ")},
         ACCESS_GRANTED,
         "client-1"},
        {"api-key", &keyed, {.api_key = SPAN_LITERAL(KEY_ONE)}, ACCESS_GRANTED, "client-1"},
        {"x-api-key", &keyed, {.x_api_key = SPAN_LITERAL(KEY_TWO)}, ACCESS_GRANTED, "client-2"},
        {"api-key beside the web server's own scheme",
         &keyed,
         {.authorization = SPAN_LITERAL("Basic cm9vdDpyb290"), .api_key = SPAN_LITERAL(KEY_ONE)},
         ACCESS_GRANTED,
         "client-1"},
        {"api-key beside a placeholder bearer",
         &keyed,
         {.authorization = SPAN_LITERAL("Bearer unused"), .api_key = SPAN_LITERAL(KEY_TWO)},
         ACCESS_GRANTED,
         "client-2"},
    };
    EXPECT(rows);
}

static void
a_key_that_is_only_like_a_valid_one_is_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a prefix",
         &keyed,
         {.authorization = BEARER("pk_4f1c9a2be07d35886a0")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"a suffix",
         &keyed,
         {.authorization = BEARER("k_4f1c9a2be07d35886a0b")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"the key and more",
         &keyed,
         {.authorization = BEARER(KEY_ONE "x")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"the same first 20 bytes",
         &keyed,
         {.authorization = BEARER("pk_4f1c9a2be07d35886zzz")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"the same last 20 bytes",
         &keyed,
         {.authorization = BEARER("pk-4f1c9a2be07d35886a0b")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"the other case",
         &keyed,
         {.authorization = BEARER("PK_4F1C9A2BE07D35886A0B")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"two in one",
         &keyed,
         {.authorization = BEARER(KEY_ONE ", Bearer " KEY_ONE)},
         ACCESS_BAD_KEY,
         "nobody"},
        {"a NUL in it", &keyed, {.authorization = BEARER(KEY_ONE "\0")}, ACCESS_BAD_KEY, "nobody"},
        {"a statement of SQL",
         &keyed,
         {.api_key = SPAN_LITERAL("' OR 1=1 --")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"an admin key is no client key",
         &guarded,
         {.api_key = SPAN_LITERAL(ADMIN_KEY)},
         ACCESS_BAD_KEY,
         "nobody"},
    };
    EXPECT(rows);
}

static void
no_key_and_a_bad_key_are_told_apart(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nothing", &keyed, {.authorization = {NULL, 0}}, ACCESS_MISSING_KEY, "nobody"},
        {"Bearer alone",
         &keyed,
         {.authorization = SPAN_LITERAL("Bearer")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"Bearer and blanks",
         &keyed,
         {.authorization = SPAN_LITERAL("Bearer   ")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"an empty api-key", &keyed, {.api_key = SPAN_LITERAL("")}, ACCESS_BAD_KEY, "nobody"},
        {"an empty x-api-key", &keyed, {.x_api_key = SPAN_LITERAL(" ")}, ACCESS_BAD_KEY, "nobody"},
        {"Basic is no key",
         &keyed,
         {.authorization = SPAN_LITERAL("Basic " KEY_ONE)},
         ACCESS_MISSING_KEY,
         "nobody"},
        {"a key without its scheme is no key",
         &keyed,
         {.authorization = SPAN_LITERAL(KEY_ONE)},
         ACCESS_MISSING_KEY,
         "nobody"},
        {"Bearers is another scheme",
         &keyed,
         {.authorization = SPAN_LITERAL("Bearers " KEY_ONE)},
         ACCESS_MISSING_KEY,
         "nobody"},
    };
    EXPECT(rows);
}

/* An empty POSTERN_CLIENT_KEY would be the digest of nothing: no header may match it. */
static void
an_empty_key_matches_nothing(void **state)
{
    (void)state;
    struct config_key empty = {.name = "client-1"};
    digest_key(&empty, "");
    const struct config config = {.client_keys = &empty, .client_key_count = 1};
    const struct row rows[] = {
        {"no header", &config, {.authorization = {NULL, 0}}, ACCESS_MISSING_KEY, "nobody"},
        {"Bearer alone",
         &config,
         {.authorization = SPAN_LITERAL("Bearer ")},
         ACCESS_BAD_KEY,
         "nobody"},
        {"an empty api-key", &config, {.api_key = SPAN_LITERAL("")}, ACCESS_BAD_KEY, "nobody"},
    };
    EXPECT(rows);
}

/* --- the other ways in ---------------------------------------------------- */

static void
without_any_configuration_the_gateway_is_closed(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nothing shown", &nothing, {.authorization = {NULL, 0}}, ACCESS_CLOSED, "nobody"},
        {"some key", &nothing, {.authorization = BEARER(KEY_ONE)}, ACCESS_CLOSED, "nobody"},
        {"loopback", &nothing, {FROM("127.0.0.1")}, ACCESS_CLOSED, "nobody"},
        {"a user who is only named", &nothing, {NAMED("bob")}, ACCESS_CLOSED, "nobody"},
        {"a user of the web server", &nothing, {VERIFIED("bob")}, ACCESS_GRANTED, "remote-user"},
        {"open is written out",
         &open_to_all,
         {.authorization = {NULL, 0}},
         ACCESS_GRANTED,
         "anyone"},
    };
    EXPECT(rows);
}

static void
the_first_way_in_gives_the_name(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a key before all",
         &everything,
         {.authorization = BEARER(KEY_ONE), VERIFIED("bob"), FROM("::1")},
         ACCESS_GRANTED,
         "client-1"},
        {"a user before loopback",
         &everything,
         {.authorization = BEARER("wrong"), VERIFIED("bob"), FROM("::1")},
         ACCESS_GRANTED,
         "remote-user"},
        {"a user who is only named is passed over",
         &everything,
         {NAMED("bob"), FROM("::1")},
         ACCESS_GRANTED,
         "loopback"},
        {"loopback", &loopback, {FROM("::1")}, ACCESS_GRANTED, "loopback"},
        {"loopback before open", &everything, {FROM("::1")}, ACCESS_GRANTED, "loopback"},
        {"open at last", &everything, {FROM("192.0.2.7")}, ACCESS_GRANTED, "anyone"},
        {"elsewhere", &loopback, {FROM("192.0.2.7")}, ACCESS_MISSING_KEY, "nobody"},
    };
    EXPECT(rows);
}

static void
what_spoke_against_a_claim_is_told(void **state)
{
    (void)state;
    static const struct config both = {.trust_remote_user = CONFIG_USER_VERIFIED,
                                       .trust_loopback = true};
    static const struct {
        const char *what;
        const struct config *config;
        struct access_credentials shown;
        enum doubt doubt;
    } rows[] = {
        {"nothing was claimed", &nothing, {.authorization = {NULL, 0}}, DOUBT_ABSENT},
        {"a user", &nothing, {NAMED("bob")}, DOUBT_UNVERIFIED},
        {"this host",
         &loopback,
         {FROM("::1"), .origin = SPAN_LITERAL("https://evil.example")},
         DOUBT_PAGE},
        {"both: the user's is told",
         &both,
         {NAMED("bob"), FROM("::1"), .origin = SPAN_LITERAL("null")},
         DOUBT_UNVERIFIED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct access_decision decision = access_check_client(rows[i].config, &rows[i].shown);
        if (decision.doubt != rows[i].doubt)
            fail_msg("%s: %s", rows[i].what, doubt_name(decision.doubt));
    }
}

/* --- the operator --------------------------------------------------------- */

static void
only_the_operator_sees_the_operators_pages(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const struct config *config;
        struct access_credentials shown;
        bool is_operator;
    } rows[] = {
        {"an admin key", &administered, {.authorization = BEARER(ADMIN_KEY)}, true},
        {"an admin key as x-api-key", &administered, {.x_api_key = SPAN_LITERAL(ADMIN_KEY)}, true},
        {"a user of the list", &administered, {VERIFIED("ann")}, true},
        {"a user who is only named", &administered, {NAMED("ann")}, false},
        {"a user whom another page sends",
         &administered,
         {VERIFIED("ann"), .fetch_site = SPAN_LITERAL("cross-site")},
         false},
        {"trusted loopback alone", &everything, {FROM("127.0.0.1")}, false},
        {"loopback that was told to be the operator", &served, {FROM("127.0.0.1")}, true},
        {"beside a user who is none", &served, {VERIFIED("bob"), FROM("127.0.0.1")}, true},
        {"elsewhere", &served, {FROM("192.0.2.7")}, false},
        {"a client key", &administered, {.authorization = BEARER(KEY_ONE)}, false},
        {"any other user", &administered, {VERIFIED("bob")}, false},
        {"the beginning of a user", &administered, {VERIFIED("an")}, false},
        {"a longer user", &administered, {VERIFIED("anne")}, false},
        {"loopback that is not trusted", &administered, {FROM("127.0.0.1")}, false},
        {"anyone, though the API is open", &administered, {FROM("192.0.2.7")}, false},
        {"nobody", &nothing, {.authorization = {NULL, 0}}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum doubt doubt;
        if (access_is_operator(rows[i].config, &rows[i].shown, &doubt) != rows[i].is_operator)
            fail_msg("%s", rows[i].what);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_key_gets_in_whichever_header_carries_it),
        cmocka_unit_test(a_key_that_is_only_like_a_valid_one_is_refused),
        cmocka_unit_test(no_key_and_a_bad_key_are_told_apart),
        cmocka_unit_test(an_empty_key_matches_nothing),
        cmocka_unit_test(without_any_configuration_the_gateway_is_closed),
        cmocka_unit_test(the_first_way_in_gives_the_name),
        cmocka_unit_test(what_spoke_against_a_claim_is_told),
        cmocka_unit_test(only_the_operator_sees_the_operators_pages),
    };
    return cmocka_run_group_tests_name("access/access", tests, make_keys, NULL);
}
