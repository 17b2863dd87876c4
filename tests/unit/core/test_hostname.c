/* Which host a Host header, an Origin or a Referer names, and which of them name none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/hostname.h"

static void
a_port_is_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *authority, *name; /* "": it names no host */
    } rows[] = {
        {"localhost", "localhost"},
        {"localhost:8080", "localhost"},
        {"site80", "site80"},
        {"intern.example.org:443", "intern.example.org"},
        {"127.0.0.1:1", "127.0.0.1"},
        {"[::1]", "[::1]"},
        {"[::1]:8080", "[::1]"},
        {"", ""},
        {":8080", ""},
        {"localhost:", ""},
        {"localhost:x", ""},
        {"localhost:80:80", ""},
        {"localhost@evil.example", ""},
        {"user:1@localhost", ""},
        {"localhost/evil", ""},
        {"localhost, evil.example", ""},
        {"localhost evil.example", ""},
        {"::1", ""},
        {"[::1", ""},
        {"[]", ""},
        {"[evil.example]", ""},
        {"*", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span name = hostname_without_port(span_from(rows[i].authority));
        if (!span_is(name, rows[i].name))
            fail_msg("\"%s\" names \"" SPAN_FMT "\"", rows[i].authority, SPAN_ARG(name));
    }
    assert_int_equal(hostname_without_port(span_of(NULL, 0)).len, 0);
    assert_int_equal(hostname_without_port(span_of("localhost\0.x", 12)).len, 0);
}

static void
a_page_has_a_host_and_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority;
    } rows[] = {
        {"http://localhost:3000", "localhost:3000"},
        {"HTTPS://Example.ORG/a/b?c=http://x/", "Example.ORG"},
        {"http://[::1]:8080/", "[::1]:8080"},
        {"null", ""},
        {"", ""},
        {"http://", ""},
        {"http:///x", ""},
        {"http:localhost", ""},
        {"//localhost", ""},
        {"ftp://localhost", ""},
        {"file:///etc/passwd", ""},
        {"app://localhost", ""},
        {"http://localhost@evil.example/", ""},
        {"http://localhost?.evil.example", ""},
        {"http://localhost\\.evil.example", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span authority = hostname_of_url(span_from(rows[i].url));
        if (!span_is(authority, rows[i].authority))
            fail_msg("\"%s\" is at \"" SPAN_FMT "\"", rows[i].url, SPAN_ARG(authority));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_taken_off),
        cmocka_unit_test(a_page_has_a_host_and_a_port),
    };
    return cmocka_run_group_tests_name("core/hostname", tests, NULL, NULL);
}
