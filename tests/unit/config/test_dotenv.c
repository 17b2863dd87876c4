/* test_dotenv.c - the .env file is read as python-dotenv reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "config/dotenv.h"

/* `expected` is what python-dotenv 1.2.4 makes of the text (parser.parse_stream and its variables),
 * one binding a line: NAME=[value], NAME without a value, "!" for a line it cannot read. */
struct sample {
    const char *what, *text, *expected;
};

static const struct sample samples[] = {
    {"a plain value", "A=b\n", "A=[b]\n"},
    {"blanks around the equal sign", "  A =  b c  \n", "A=[b c]\n"},
    {"no line end at the end", "A=b", "A=[b]\n"},
    {"an empty value", "A=\nB=c\n", "A=[]\nB=[c]\n"},
    {"a name without a value", "A\nB=1\n", "A\nB=[1]\n"},
    {"a comment line", "# A=1\nB=2\n", "B=[2]\n"},
    {"a comment with blanks before it", "   # c\nA=1\n", "A=[1]\n"},
    {"a comment after a value", "A=b # c\n", "A=[b]\n"},
    {"a hash inside a value", "A=b#c\n", "A=[b#c]\n"},
    {"a hash right after the equal sign", "A=#b\n", "A=[#b]\n"},
    {"a comment after an empty value", "A= # b\nB=1\n", "A=[]\nB=[1]\n"},
    {"a tab before a comment", "A=b\t#c\n", "A=[b]\n"},
    {"export", "export A=b\n", "A=[b]\n"},
    {"export with many blanks", "export \t A=b\n", "A=[b]\n"},
    {"a variable called export", "export=1\n", "export=[1]\n"},
    {"exported as a name", "exported=1\n", "exported=[1]\n"},
    {"export of a name alone", "export A\nB=1\n", "A\nB=[1]\n"},
    {"single quotes", "A='b c'\n", "A=[b c]\n"},
    {"double quotes", "A=\"b c\"\n", "A=[b c]\n"},
    {"empty quotes", "A=''\nB=\"\"\n", "A=[]\nB=[]\n"},
    {"a comment after quotes", "A='b' # c\nB=\"c\"# d\n", "A=[b]\nB=[c]\n"},
    {"a hash inside quotes", "A='b # c'\n", "A=[b # c]\n"},
    {"text after quotes", "A='b' c\nB=1\n", "!\nB=[1]\n"},
    {"escapes in double quotes", "A=\"x\\n\\t\\r\\\\ \\\" \\' \\a\\b\\f\\v\"\n",
     "A=[x\n\t\r\\ \" ' \007\010\014\013]\n"},
    {"unknown escapes stay", "A=\"\\d \\u0041 \\$\"\n", "A=[\\d \\u0041 \\$]\n"},
    {"escapes in single quotes", "A='x\\n \\\\ \\' \\\"'\n", "A=[x\\n \\ ' \\\"]\n"},
    {"no escapes without quotes", "A=x\\ny\\\\\n", "A=[x\\ny\\\\]\n"},
    {"quotes inside a plain value", "A=b\"c'd\n", "A=[b\"c'd]\n"},
    {"a value over several lines", "A=\"one\ntwo\n\nthree\"\nB=1\n",
     "A=[one\ntwo\n\nthree]\nB=[1]\n"},
    {"a single-quoted value over several lines", "A='one\ntwo'\n", "A=[one\ntwo]\n"},
    {"CRLF", "A=1\r\nB=\"x\r\ny\"\r\nC=3\r\n", "A=[1]\nB=[x\ny]\nC=[3]\n"},
    {"CR alone ends a line", "A=1\rB=2\r", "A=[1]\nB=[2]\n"},
    {"a byte order mark", "\357\273\277A=1\n", "A=[1]\n"},
    {"the last of two counts", "A=1\nA=2\n", "A=[1]\nA=[2]\n"},
    {"a variable from above", "A=1\nB=${A}2\n", "A=[1]\nB=[12]\n"},
    {"a variable from outside", "B=<${OUTSIDE}>\n", "B=[<from outside>]\n"},
    {"outside goes before the file", "BOTH=inside\nB=${BOTH}\n",
     "BOTH=[inside]\nB=[outside wins]\n"},
    {"a variable set empty outside", "B=<${NOTHING:-d}>\n", "B=[<>]\n"},
    {"an unknown variable", "B=<${NOWHERE}>\n", "B=[<>]\n"},
    {"a default", "B=${NOWHERE:-x y}\nC=${A:-}\n", "B=[x y]\nC=[]\n"},
    {"a default for a known variable", "A=1\nB=${A:-2}\n", "A=[1]\nB=[1]\n"},
    {"a variable from below", "B=<${A}>\nA=1\n", "B=[<>]\nA=[1]\n"},
    {"a variable without a value", "A\nB=<${A:-d}>\n", "A\nB=[<>]\n"},
    {"expansion in double quotes", "A=1\nB=\"x${A}y\"\n", "A=[1]\nB=[x1y]\n"},
    {"expansion in single quotes", "A=1\nB='x${A}y'\n", "A=[1]\nB=[x1y]\n"},
    {"an escaped dollar is still one", "A=1\nB=\"\\${A}\"\n", "A=[1]\nB=[\\1]\n"},
    {"no braces, no expansion", "A=1\nB=$A $ {A}\n", "A=[1]\nB=[$A $ {A}]\n"},
    {"an unclosed reference", "A=1\nB=${A\n", "A=[1]\nB=[${A]\n"},
    {"a colon without a default", "A=1\nB=${A:x}\n", "A=[1]\nB=[${A:x}]\n"},
    {"expansion happens once", "A=${B}\nB=${A}\nC='${D}'\nD=1\nE=${C}\n",
     "A=[]\nB=[]\nC=[]\nD=[1]\nE=[]\n"},
    {"a colon in a default", "B=${X:-a:b}\n", "B=[a:b]\n"},
    {"a quoted name", "'A'=b\n'B C'=d\n", "A=[b]\nB C=[d]\n"},
    {"a name with dots and dashes", "a.b-c=1\n", "a.b-c=[1]\n"},
    {"an unclosed double quote", "A=\"b\nB=1\n", "!\nB=[1]\n"},
    {"an unclosed single quote", "A='b\n\nB=1\n", "!\nB=[1]\n"},
    {"no name", "=b\nB=1\n", "!\nB=[1]\n"},
    {"two words without an equal sign", "A b\nB=1\n", "!\nB=[1]\n"},
    {"equal signs in the value", "A=b=c==\n", "A=[b=c==]\n"},
    {"text that is not ASCII", "A=h\303\251llo \344\270\226\347\225\214\n",
     "A=[h\303\251llo \344\270\226\347\225\214]\n"},
    {"empty lines and form feeds", "\n\n \t \n\014A=1\n", "A=[1]\n"},
    {"nothing", "", ""},
    {"only blanks", "  \n\t\n", ""},
    {"a comment at the end without a line end", "A=1\n#", "A=[1]\n"},
    {"a comment glued to export", "export A=b#c\n", "A=[b#c]\n"},
    {"yaml is not understood", "A: b\nB=1\n", "!\nB=[1]\n"},
    {"escaped quote at the end", "A='b\\'\nB=1\n", "!\nB=[1]\n"},
    {"backslash before a closing quote", "A=\"b\\\\\"\nB=1\n", "A=[b\\]\nB=[1]\n"},
};

static const char *
look_up(const void *self, struct span name)
{
    static const char *const outside[][2] = {
        {"OUTSIDE", "from outside"}, {"BOTH", "outside wins"}, {"NOTHING", ""}};
    (void)self;
    for (size_t i = 0; i < 3; i++) {
        if (span_is(name, outside[i][0]))
            return outside[i][1];
    }
    return NULL;
}

static void
write_bindings(const struct dotenv *dotenv, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < dotenv->count; i++) {
        const struct dotenv_binding *binding = &dotenv->bindings[i];
        int rc = !binding->name   ? buf_puts(out, "!\n")
                 : binding->value ? buf_putf(out, "%s=[%s]\n", binding->name, binding->value)
                                  : buf_putf(out, "%s\n", binding->name);
        assert_int_equal(rc, 0);
    }
}

static void
reads_what_python_dotenv_reads(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct arena arena;
        struct dotenv dotenv;
        struct err err;
        arena_init(&arena, 65536);
        assert_int_equal(
            dotenv_parse(span_from(samples[i].text), look_up, NULL, &arena, &dotenv, &err), 0);
        write_bindings(&dotenv, &out);
        if (strcmp(buf_text(&out), samples[i].expected) != 0)
            print_error("sample: %s\n", samples[i].what);
        assert_string_equal(buf_text(&out), samples[i].expected);
        arena_fini(&arena);
    }
    buf_fini(&out);
}

static void
knows_the_line_of_each_binding(void **state)
{
    (void)state;
    struct arena arena;
    struct dotenv dotenv;
    arena_init(&arena, 65536);
    const char *text = "# one\r\n\r\nA=1\r\nB=\"x\r\ny\"\r\nC=2\rD=3\nE=\"\n\n";
    assert_int_equal(dotenv_parse(span_from(text), NULL, NULL, &arena, &dotenv, NULL), 0);
    static const unsigned lines[] = {3, 4, 6, 7, 8};
    assert_int_equal(dotenv.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(dotenv.bindings[i].line, lines[i]);
    assert_null(dotenv.bindings[4].name);
    arena_fini(&arena);
}

static void
refuses_what_is_no_text(void **state)
{
    (void)state;
    struct arena arena;
    struct dotenv dotenv;
    struct err err;
    arena_init(&arena, 65536);
    static const char utf16[] = "\xff\xfe"
                                "A\0=\0";
    assert_int_equal(dotenv_parse(span_of(utf16, sizeof(utf16)), NULL, NULL, &arena, &dotenv, &err),
                     -1);
    assert_int_equal(err.code, ERR_SYNTAX);
    assert_string_equal(err.msg, "is not plain text (save it as UTF-8)");
    arena_fini(&arena);
}

static void
says_when_the_arena_is_full(void **state)
{
    (void)state;
    struct arena arena;
    struct dotenv dotenv;
    struct err err;
    arena_init(&arena, 8);
    assert_int_equal(dotenv_parse(span_from("A=1\n"), NULL, NULL, &arena, &dotenv, &err), -1);
    assert_int_equal(err.code, ERR_MEMORY);
    arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_python_dotenv_reads),
        cmocka_unit_test(knows_the_line_of_each_binding),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(says_when_the_arena_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
