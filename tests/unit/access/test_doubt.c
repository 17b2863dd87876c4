/* What speaks against a user whom no key proves, and against a request of this host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "access/doubt.h"

#define TEXT(text) SPAN_LITERAL(text)
#define TRUSTED_HOST "intern.example.org"

static const struct span trusted_hosts[] = {TEXT("other.example.org"), TEXT(TRUSTED_HOST)};
static const struct config trusting = {.trust_remote_user = CONFIG_USER_VERIFIED,
                                       .trust_loopback = true,
                                       .trusted_hosts = trusted_hosts,
                                       .trusted_host_count = 2};

typedef enum doubt (*doubt_fn)(const struct config *config,
                               const struct access_credentials *credentials);

struct row {
    const char *what;
    struct access_credentials shown;
    enum doubt doubt;
};

static void
expect(doubt_fn check, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum doubt doubt = check(&trusting, &rows[i].shown);
        if (doubt != rows[i].doubt)
            fail_msg("%s: %d (%s), not %d", rows[i].what, (int)doubt, doubt_name(doubt),
                     (int)rows[i].doubt);
    }
}
#define EXPECT(check, rows) expect((check), (rows), sizeof(rows) / sizeof((rows)[0]))

/* --- users ---------------------------------------------------------------- */

#define ANN .remote_user = TEXT("ann")
#define VERIFIED ANN, .auth_type = TEXT("Basic"), .host = TEXT("site.example:8443")

static void
a_user_counts_as_the_option_says(void **state)
{
    (void)state;
    static const struct {
        enum config_user option;
        struct access_credentials shown;
        enum doubt doubt;
    } rows[] = {
        {CONFIG_USER_VERIFIED, {VERIFIED}, DOUBT_NONE},
        {CONFIG_USER_VERIFIED, {ANN}, DOUBT_UNVERIFIED},
        {CONFIG_USER_VERIFIED, {ANN, .auth_type = TEXT("")}, DOUBT_UNVERIFIED},
        {CONFIG_USER_VERIFIED, {.auth_type = TEXT("Basic")}, DOUBT_ABSENT},
        {CONFIG_USER_VERIFIED, {ANN, .auth_type = TEXT("Digest")}, DOUBT_NONE},
        {CONFIG_USER_VERIFIED, {ANN, .auth_type = TEXT("ClientCert")}, DOUBT_UNVERIFIED},
        {CONFIG_USER_VERIFIED, {ANN, .auth_type = TEXT("SSL_CLIENT_VERIFY")}, DOUBT_UNVERIFIED},
        {CONFIG_USER_VERIFIED,
         {ANN, .auth_type = TEXT("ClientCert"), .client_verify = TEXT("GENEROUS")},
         DOUBT_UNVERIFIED},
        {CONFIG_USER_VERIFIED,
         {ANN, .auth_type = TEXT("ClientCert"), .client_verify = TEXT("FAILED:self-signed")},
         DOUBT_UNVERIFIED},
        {CONFIG_USER_VERIFIED,
         {ANN, .auth_type = TEXT("ClientCert"), .client_verify = TEXT("SUCCESS")},
         DOUBT_NONE},
        {CONFIG_USER_VERIFIED,
         {ANN, .auth_type = TEXT("SSL_CLIENT_VERIFY"), .client_verify = TEXT("SUCCESS")},
         DOUBT_NONE},
        {CONFIG_USER_VERIFIED, {ANN, .client_verify = TEXT("SUCCESS")}, DOUBT_UNVERIFIED},
        {CONFIG_USER_ALWAYS, {ANN}, DOUBT_NONE},
        {CONFIG_USER_ALWAYS, {.auth_type = TEXT("Basic")}, DOUBT_ABSENT},
        {CONFIG_USER_ALWAYS, {ANN, .fetch_site = TEXT("cross-site")}, DOUBT_PAGE},
        {CONFIG_USER_NEVER, {VERIFIED}, DOUBT_ABSENT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config = {.trust_remote_user = rows[i].option};
        assert_int_equal(doubt_user(&config, &rows[i].shown), rows[i].doubt);
    }
}

/* A browser sends its user's login along with whatever a page makes it ask for. */
static void
a_users_browser_is_not_the_user_when_another_site_moves_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"no browser", {VERIFIED}, DOUBT_NONE},
        {"typed in", {VERIFIED, .fetch_site = TEXT("none")}, DOUBT_NONE},
        {"a page of the site", {VERIFIED, .fetch_site = TEXT("same-origin")}, DOUBT_NONE},
        {"its origin", {VERIFIED, .origin = TEXT("https://site.example:8443")}, DOUBT_NONE},
        {"its name in capitals",
         {VERIFIED, .origin = TEXT("https://SITE.example:8443")},
         DOUBT_NONE},
        {"its referer", {VERIFIED, .referer = TEXT("https://site.example:8443/a?b")}, DOUBT_NONE},
        {"a trusted one", {VERIFIED, .origin = TEXT("https://" TRUSTED_HOST)}, DOUBT_NONE},
        {"another site", {VERIFIED, .fetch_site = TEXT("cross-site")}, DOUBT_PAGE},
        {"a sister", {VERIFIED, .fetch_site = TEXT("same-site")}, DOUBT_PAGE},
        {"a word that is not known",
         {VERIFIED, .fetch_site = TEXT("same-origin, none")},
         DOUBT_PAGE},
        {"another origin", {VERIFIED, .origin = TEXT("https://evil.example")}, DOUBT_PAGE},
        {"another port", {VERIFIED, .origin = TEXT("https://site.example")}, DOUBT_PAGE},
        {"a longer name", {VERIFIED, .origin = TEXT("https://site.example:84433")}, DOUBT_PAGE},
        {"a hidden origin", {VERIFIED, .origin = TEXT("null")}, DOUBT_PAGE},
        {"a file", {VERIFIED, .origin = TEXT("file://")}, DOUBT_PAGE},
        {"loopback's page for a site that is not",
         {VERIFIED, .origin = TEXT("http://localhost:3000")},
         DOUBT_PAGE},
        {"another referer",
         {VERIFIED, .referer = TEXT("https://evil.example/site.example:8443")},
         DOUBT_PAGE},
        {"a referer that only begins like it",
         {VERIFIED, .referer = TEXT("https://site.example:8443@evil.example/")},
         DOUBT_PAGE},
        {"own origin, another site all the same",
         {VERIFIED, .origin = TEXT("https://site.example:8443"), .fetch_site = TEXT("cross-site")},
         DOUBT_PAGE},
        {"a form's body", {VERIFIED, .is_form = true}, DOUBT_FORM},
    };
    EXPECT(doubt_user, rows);
}

static void
without_a_host_no_page_is_the_sites_own(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"an origin",
         {ANN, .auth_type = TEXT("Basic"), .origin = TEXT("https://site.example")},
         DOUBT_PAGE},
        {"an empty one", {ANN, .auth_type = TEXT("Basic"), .origin = TEXT("http://")}, DOUBT_PAGE},
    };
    EXPECT(doubt_user, rows);
}

/* --- this host ------------------------------------------------------------ */

#define ADDRESSES(from, to) .remote_addr = TEXT(from), .server_addr = TEXT(to)
#define BETWEEN(from, to) ADDRESSES(from, to), .host = TEXT("localhost:8080")
#define HERE_FOR(name)                                                                             \
    ADDRESSES("127.0.0.1", "127.0.0.1"), .protocol = TEXT("HTTP/1.1"), .host = TEXT(name)
#define HERE HERE_FOR("127.0.0.1:8080")

static void
both_ends_of_the_connection_are_on_this_host(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"IPv4", {BETWEEN("127.0.0.1", "127.0.0.1")}, DOUBT_NONE},
        {"IPv6", {BETWEEN("::1", "::1")}, DOUBT_NONE},
        {"another of the net", {BETWEEN("127.0.0.9", "127.0.0.1")}, DOUBT_NONE},
        {"mapped", {BETWEEN("::ffff:127.0.0.1", "::ffff:127.0.0.1")}, DOUBT_NONE},
        {"an address that a module put in", {BETWEEN("127.0.0.1", "192.0.2.1")}, DOUBT_ADDRESS},
        {"the same with IPv6", {BETWEEN("::1", "2001:db8::1")}, DOUBT_ADDRESS},
        {"a server without one", {BETWEEN("127.0.0.1", "")}, DOUBT_ADDRESS},
        {"a server on a socket", {BETWEEN("127.0.0.1", "/run/web.socket")}, DOUBT_ADDRESS},
        {"from elsewhere", {BETWEEN("192.0.2.7", "192.0.2.1")}, DOUBT_ABSENT},
        {"from elsewhere to loopback", {BETWEEN("192.0.2.7", "127.0.0.1")}, DOUBT_ABSENT},
        {"from nowhere", {BETWEEN("", "127.0.0.1")}, DOUBT_ABSENT},
    };
    EXPECT(doubt_loopback, rows);
}

static void
the_host_is_this_one_or_a_trusted_one(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"an address", {HERE_FOR("127.0.0.1")}, DOUBT_NONE},
        {"with any port", {HERE_FOR("127.0.0.1:65535")}, DOUBT_NONE},
        {"localhost", {HERE_FOR("LocalHost:8080")}, DOUBT_NONE},
        {"below localhost", {HERE_FOR("ai.localhost")}, DOUBT_NONE},
        {"IPv6", {HERE_FOR("[::1]:8080")}, DOUBT_NONE},
        {"trusted", {HERE_FOR(TRUSTED_HOST)}, DOUBT_NONE},
        {"trusted, in capitals and with a port", {HERE_FOR("Intern.Example.ORG:8080")}, DOUBT_NONE},
        {"another name", {HERE_FOR("evil.example")}, DOUBT_HOST},
        {"another with a port", {HERE_FOR("evil.example:8080")}, DOUBT_HOST},
        {"one that begins like it", {HERE_FOR("localhost.evil.example")}, DOUBT_HOST},
        {"one that ends like a trusted one", {HERE_FOR("x." TRUSTED_HOST)}, DOUBT_HOST},
        {"an address in a name", {HERE_FOR("127.0.0.1.nip.io")}, DOUBT_HOST},
        {"any address", {HERE_FOR("0.0.0.0:8080")}, DOUBT_HOST},
        {"a public address", {HERE_FOR("192.0.2.1")}, DOUBT_HOST},
        {"a user in it", {HERE_FOR("localhost@evil.example")}, DOUBT_HOST},
        {"two", {HERE_FOR("localhost, evil.example")}, DOUBT_HOST},
        {"none", {ADDRESSES("127.0.0.1", "127.0.0.1"), .protocol = TEXT("HTTP/1.1")}, DOUBT_HOST},
        {"an empty one", {HERE_FOR("")}, DOUBT_HOST},
    };
    EXPECT(doubt_loopback, rows);
}

static void
what_came_through_a_proxy_is_not_of_this_host(void **state)
{
    (void)state;
    static struct wire_header plain[] = {{TEXT("host"), TEXT("127.0.0.1:8080")},
                                         {TEXT("user-agent"), TEXT("x")}};
    static struct wire_header proxied[] = {{TEXT("host"), TEXT("127.0.0.1:8080")},
                                           {TEXT("x-forwarded-for"), TEXT("")}};
    const struct row rows[] = {
        {"plain", {HERE, .headers = {plain, 2}}, DOUBT_NONE},
        {"a proxy's header, if only an empty one", {HERE, .headers = {proxied, 2}}, DOUBT_PROXY},
        {"a proxy that adds none",
         {BETWEEN("127.0.0.1", "127.0.0.1"), .protocol = TEXT("HTTP/1.0")},
         DOUBT_PROTOCOL},
        {"HTTP/2", {BETWEEN("127.0.0.1", "127.0.0.1"), .protocol = TEXT("HTTP/2.0")}, DOUBT_NONE},
    };
    EXPECT(doubt_loopback, rows);
}

static void
a_browser_on_this_host_is_not_this_host_when_another_site_moves_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a page of this host", {HERE, .origin = TEXT("http://127.0.0.1:8080")}, DOUBT_NONE},
        {"at another port", {HERE, .origin = TEXT("http://localhost:3000")}, DOUBT_NONE},
        {"by IPv6", {HERE, .origin = TEXT("http://[::1]:8080")}, DOUBT_NONE},
        {"a trusted one", {HERE, .referer = TEXT("https://" TRUSTED_HOST "/x")}, DOUBT_NONE},
        {"typed in", {HERE, .fetch_site = TEXT("none")}, DOUBT_NONE},
        {"another page", {HERE, .origin = TEXT("https://evil.example")}, DOUBT_PAGE},
        {"one that begins like it",
         {HERE, .origin = TEXT("http://localhost.evil.example")},
         DOUBT_PAGE},
        {"a hidden one", {HERE, .origin = TEXT("null")}, DOUBT_PAGE},
        {"a picture in it", {HERE, .fetch_site = TEXT("cross-site")}, DOUBT_PAGE},
        {"a page of another port, says the browser",
         {HERE, .fetch_site = TEXT("same-site")},
         DOUBT_PAGE},
        {"a link in it", {HERE, .referer = TEXT("https://evil.example/")}, DOUBT_PAGE},
        {"a form in it", {HERE, .is_form = true}, DOUBT_FORM},
        {"a name of its own for our address",
         {HERE_FOR("evil.example:8080"), .origin = TEXT("http://evil.example:8080"),
          .fetch_site = TEXT("same-origin")},
         DOUBT_HOST},
    };
    EXPECT(doubt_loopback, rows);
}

static void
nothing_is_trusted_unless_said(void **state)
{
    (void)state;
    static const struct config config = {.trust_remote_user = CONFIG_USER_VERIFIED};
    static const struct access_credentials here = {HERE};
    static const struct access_credentials trusted = {HERE_FOR(TRUSTED_HOST)};
    assert_int_equal(doubt_loopback(&config, &here), DOUBT_ABSENT);
    static const struct config loopback = {.trust_loopback = true};
    assert_int_equal(doubt_loopback(&loopback, &here), DOUBT_NONE);
    assert_int_equal(doubt_loopback(&loopback, &trusted), DOUBT_HOST);
}

static void
each_doubt_has_a_word_and_a_hint(void **state)
{
    (void)state;
    for (int doubt = DOUBT_UNVERIFIED; doubt <= DOUBT_HOST; doubt++) {
        assert_true(strlen(doubt_name((enum doubt)doubt)) > 0);
        assert_true(strlen(doubt_hint((enum doubt)doubt)) > 0);
        assert_null(strchr(doubt_hint((enum doubt)doubt), '"')); /* it stands in quotes */
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_counts_as_the_option_says),
        cmocka_unit_test(a_users_browser_is_not_the_user_when_another_site_moves_it),
        cmocka_unit_test(without_a_host_no_page_is_the_sites_own),
        cmocka_unit_test(both_ends_of_the_connection_are_on_this_host),
        cmocka_unit_test(the_host_is_this_one_or_a_trusted_one),
        cmocka_unit_test(what_came_through_a_proxy_is_not_of_this_host),
        cmocka_unit_test(a_browser_on_this_host_is_not_this_host_when_another_site_moves_it),
        cmocka_unit_test(nothing_is_trusted_unless_said),
        cmocka_unit_test(each_doubt_has_a_word_and_a_hint),
    };
    return cmocka_run_group_tests_name("access/doubt", tests, NULL, NULL);
}
