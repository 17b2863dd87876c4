/* What each web server lets a client see of a cut answer. tests/bats/cut.bats shows that it is so.
 */
#include "edge/front.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define UNSEEN SINK_CUT_UNSEEN
#define LENGTH SINK_CUT_BY_LENGTH
#define BROKEN SINK_CUT_BROKEN

struct row {
    const char *software, *protocol, *script;
    bool is_cgi;
    const char *more; /* a parameter, or NULL */
    enum sink_cut cut;
    bool is_late, takes_chunks, ends_short;
};

static struct front
front_of(const struct row *row)
{
    char software[64], protocol[64], script[64];
    (void)snprintf(software, sizeof(software), "SERVER_SOFTWARE=%s", row->software);
    (void)snprintf(protocol, sizeof(protocol), "SERVER_PROTOCOL=%s", row->protocol);
    (void)snprintf(script, sizeof(script), "SCRIPT_FILENAME=%s", row->script);
    const char *const params[] = {software, protocol, script, row->more, NULL};
    return front_read(params, row->is_cgi);
}

static void
expect(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct front front = front_of(row);
        if (front.cut != row->cut || front.cut_is_late != row->is_late ||
            front.takes_chunks != row->takes_chunks || front.ends_short != row->ends_short)
            fail_msg("%s %s %s: %d %d %d %d", row->software, row->protocol, row->script, front.cut,
                     front.cut_is_late, front.takes_chunks, front.ends_short);
    }
}
#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof((rows)[0]))

#define LIGHTTPD "lighttpd/1.4.69"
#define APACHE "Apache/2.4.66 (Debian)"
#define NGINX "nginx/1.22.1"
#define TRUST "ap_trust_cgilike_cl=1"

static void
a_server_breaks_a_cut_answer_where_its_http_can(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {LIGHTTPD, "HTTP/1.1", "/srv/ai", false, NULL, BROKEN, false, false, false},
        {LIGHTTPD, "HTTP/1.0", "/srv/ai", false, NULL, LENGTH, false, false, false},
        {LIGHTTPD, "HTTP/2.0", "/srv/ai", false, NULL, LENGTH, false, false, false},
        {LIGHTTPD, "HTTP/1.1", "/srv/ai", true, NULL, BROKEN, true, true, false},
        {LIGHTTPD, "HTTP/1.0", "/srv/ai", true, NULL, LENGTH, true, false, false},
        {LIGHTTPD, "HTTP/2.0", "/srv/ai", true, NULL, LENGTH, false, false, false},
        {NGINX, "HTTP/1.1", "/srv/ai", false, NULL, BROKEN, false, false, false},
        {NGINX, "HTTP/2.0", "/srv/ai", false, NULL, BROKEN, false, false, false},
        {NGINX, "HTTP/1.0", "/srv/ai", false, NULL, LENGTH, false, false, false},
        {APACHE, "HTTP/1.1", "proxy:fcgi://x/", false, NULL, BROKEN, true, false, false},
        {APACHE, "HTTP/1.1", "/srv/postern.fcgi", false, TRUST, LENGTH, true, false, true},
        {APACHE, "HTTP/1.1", "/srv/postern.fcgi", true, TRUST, LENGTH, true, false, false},
        {APACHE, "HTTP/2.0", "proxy:fcgi://x/", false, TRUST, LENGTH, false, false, true},
        {APACHE, "HTTP/2.0", "/srv/postern.fcgi", true, TRUST, LENGTH, false, false, false},
    };
    EXPECT(rows);
}

static void
a_length_that_the_server_drops_shows_nothing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {APACHE, "HTTP/1.1", "/srv/postern.fcgi", true, NULL, UNSEEN, true, false, false},
        {APACHE, "HTTP/1.1", "/srv/postern.fcgi", false, NULL, UNSEEN, true, false, true},
        {APACHE, "HTTP/1.0", "proxy:fcgi://x/", false, NULL, UNSEEN, true, false, false},
        {APACHE, "HTTP/2.0", "proxy:fcgi://x/", false, NULL, UNSEEN, false, false, true},
        {NGINX, "HTTP/1.0", "/srv/ai", false, "HTTP_ACCEPT_ENCODING=gzip", UNSEEN, false, false,
         false},
        {LIGHTTPD, "HTTP/2.0", "/srv/ai", false, "HTTP_ACCEPT_ENCODING=gzip", LENGTH, false, false,
         false},
    };
    EXPECT(rows);
    const char *const downgraded[] = {"SERVER_SOFTWARE=" APACHE, "SERVER_PROTOCOL=HTTP/1.1",
                                      "SCRIPT_FILENAME=proxy:fcgi://x/", "downgrade-1.0=1", NULL};
    assert_int_equal(front_read(downgraded, false).cut, UNSEEN);
    const char *const compresses[] = {"SERVER_SOFTWARE=" APACHE, "SERVER_PROTOCOL=HTTP/1.1", TRUST,
                                      "HTTP_ACCEPT_ENCODING=gzip", NULL};
    assert_int_equal(front_read(compresses, true).cut, UNSEEN);
    const char *const does_not[] = {"SERVER_SOFTWARE=" APACHE,
                                    "SERVER_PROTOCOL=HTTP/1.1",
                                    TRUST,
                                    "HTTP_ACCEPT_ENCODING=gzip",
                                    "no-gzip=1",
                                    NULL};
    assert_int_equal(front_read(does_not, true).cut, LENGTH);
}

static void
of_a_server_that_nobody_tried_little_is_expected(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"LiteSpeed", "HTTP/1.1", "/srv/ai", false, NULL, LENGTH, true, false, false},
        {"", "HTTP/1.1", "", true, NULL, LENGTH, true, false, false},
        {"Caddy", "HTTP/3.0", "", false, "HTTP_ACCEPT_ENCODING=br", UNSEEN, false, false, false},
        {NGINX, "HTTP/3.0", "/srv/ai", false, NULL, LENGTH, false, false, false},
        {LIGHTTPD, "INCLUDED", "/srv/ai", true, NULL, LENGTH, false, false, false},
    };
    EXPECT(rows);
    const char *const nginx[] = {"SERVER_SOFTWARE=" NGINX, NULL};
    assert_true(front_read(nginx, false).believes_close);
    assert_false(front_read(nginx, true).believes_close);
    const char *const nothing[] = {NULL};
    assert_false(front_read(nothing, false).believes_close);
    assert_int_equal(front_read(nothing, false).cut, LENGTH);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_breaks_a_cut_answer_where_its_http_can),
        cmocka_unit_test(a_length_that_the_server_drops_shows_nothing),
        cmocka_unit_test(of_a_server_that_nobody_tried_little_is_expected),
    };
    return cmocka_run_group_tests_name("edge/front", tests, NULL, NULL);
}
