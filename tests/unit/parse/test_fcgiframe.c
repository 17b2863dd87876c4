/* test_fcgiframe.c - the records that are sent, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "parse/fcgiframe.h"

static void
a_frame_states_its_length_and_pads_to_eight(void **state)
{
    (void)state;
    static const struct {
        size_t bytes, content, padding;
    } cases[] = {{1, 1, 7},         {7, 7, 1},         {8, 8, 0},           {9, 9, 7},
                 {255, 255, 1},     {256, 256, 0},     {65527, 65527, 1},   {65528, 65528, 0},
                 {65529, 65528, 0}, {65536, 65528, 0}, {SIZE_MAX, 65528, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fcgiframe frame;
        fcgiframe_next(&frame, FCGIFRAME_STDOUT, 0x1234, cases[i].bytes);
        const unsigned char wanted[] = {1,
                                        6,
                                        0x12,
                                        0x34,
                                        (unsigned char)(cases[i].content >> 8),
                                        (unsigned char)cases[i].content,
                                        (unsigned char)cases[i].padding,
                                        0};
        assert_memory_equal(frame.head, wanted, sizeof(wanted));
        assert_int_equal(frame.content_bytes, cases[i].content);
        assert_int_equal(frame.padding_bytes, cases[i].padding);
    }
}

static void
both_streams_have_their_type(void **state)
{
    (void)state;
    struct fcgiframe frame;
    fcgiframe_next(&frame, FCGIFRAME_STDERR, 1, 8);
    assert_int_equal(frame.head[1], 7);
}

static void
the_end_has_both_statuses(void **state)
{
    (void)state;
    static const unsigned char wanted[] = {1, 3, 1, 2, 0, 8, 0, 0, 1, 2, 3, 4, 2, 0, 0, 0};
    unsigned char out[FCGIFRAME_END_BYTES];
    fcgiframe_end(out, 0x102, 0x1020304, FCGIFRAME_OVERLOADED);
    assert_memory_equal(out, wanted, sizeof(wanted));
}

static void
the_last_of_an_answer_ends_its_stream_first(void **state)
{
    (void)state;
    static const unsigned char wanted[] = {1, 6, 0, 1, 0, 0, 0, 0, 1, 3, 0, 1,
                                           0, 8, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0};
    unsigned char out[FCGIFRAME_LAST_BYTES];
    fcgiframe_last(out, 1, 5);
    assert_memory_equal(out, wanted, sizeof(wanted));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_states_its_length_and_pads_to_eight),
        cmocka_unit_test(both_streams_have_their_type),
        cmocka_unit_test(the_end_has_both_statuses),
        cmocka_unit_test(the_last_of_an_answer_ends_its_stream_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
