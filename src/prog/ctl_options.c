/* ctl_options.c - posternctl options: the option table for people, as .env.example, as roff. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/option.h"
#include "prog/ctl.h"

#define DOMAIN_MAX_BYTES 512
#define LINE_COLUMNS 96

/* "seconds, 0.01 to 300; default 5; with circuit_profile = llm 2" */
static void
put_facts(const struct option *option, struct buf *out)
{
    buf_clear(out); /* it never fills: the longest row is a test's business */
    (void)option_put_domain(option, out);
    if (option->standard)
        (void)buf_putf(out, "; default %s", option->standard);
    if (option->llm)
        (void)buf_putf(out, ", in the profile llm %s", option->llm);
    if (option->flags & OPTION_REQUIRED)
        (void)buf_puts(out, "; required, unless postern.json has upstreams");
    if (option->flags & OPTION_ENVIRONMENT_ONLY)
        (void)buf_puts(out, "; in the environment only");
    if (option->flags & OPTION_PER_UPSTREAM)
        (void)buf_puts(out, "; also in an upstream of postern.json");
}

static void
print_table(const struct option *option, const char *facts)
{
    if (option->heading)
        (void)printf("%s%s\n", option == option_table ? "" : "\n", option->heading);
    (void)printf("  %s\n      %s\n      (%s)\n", option->env, option->sentence, facts);
}

/* Words, broken into comment lines. */
static void
print_comment(const char *text)
{
    size_t column = 0;
    for (struct span rest = span_from(text); rest.ptr;) {
        struct span word = span_split(&rest, ' ');
        bool is_new = column == 0 || column + 1 + word.len > LINE_COLUMNS;
        (void)printf("%s" SPAN_FMT, column == 0 ? "# " : is_new ? "\n# " : " ", SPAN_ARG(word));
        column = is_new ? 2 + word.len : column + 1 + word.len;
    }
    (void)putchar('\n');
}

static void
print_env(const struct option *option, const char *facts)
{
    const char *value = option->standard ? option->standard : option->example;
    if (option->heading)
        (void)printf("\n# --- %s ---\n", option->heading);
    (void)putchar('\n');
    print_comment(option->sentence);
    print_comment(facts);
    if (option->flags & OPTION_ENVIRONMENT_ONLY)
        return;
    (void)printf("%s%s=%s\n", option->flags & OPTION_REQUIRED ? "" : "#", option->env,
                 value ? value : "");
}

/* Text of the table as roff: a hyphen is a minus there, a leading dot or quote a request. */
static void
print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\')
            (void)printf("\\%c", *text == '\\' ? 'e' : *text);
        else
            (void)putchar(*text);
    }
    (void)putchar('\n');
}

static void
print_man(const struct option *option, const char *facts)
{
    char name[OPTION_NAME_MAX];
    if (option->heading)
        (void)printf(".SS %s\n", option->heading);
    (void)printf(".TP\n.B %s\n", option->env);
    print_roff(option->sentence);
    (void)puts(".br");
    print_roff(facts);
    if (option->flags & OPTION_NOT_IN_JSON)
        return;
    (void)printf(".br\nIn postern.json:\n.BR %s .\n", option_json_name(option, name));
}

struct form {
    const char *flag; /* "" for none */
    const char *head;
    void (*print)(const struct option *option, const char *facts);
};

static const struct form forms[] = {
    {"", "", print_table},
    {"--env",
     "# .env - the configuration of postern. Made by `posternctl options --env`.\n"
     "#\n"
     "# Only the lines without a \"#\" are needed. Copy it to .env, chmod 0600 .env, keep it out "
     "of\n"
     "# the document root, and ask `posternctl check` what is still wrong. Durations are in\n"
     "# seconds, decimals allowed; sizes are bytes, or have KiB, MiB or GiB behind them.\n",
     print_env},
    {"--man", "", print_man},
};

int
ctl_options(const struct ctl *ctl, int argc, char **argv)
{
    const char *flag = argc > 0 ? argv[0] : "";
    const struct form *form = NULL;
    (void)ctl;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(forms[i].flag, flag) == 0)
            form = &forms[i];
    }
    if (!form || argc > 1)
        return ctl_usage("options takes --man or --env, or nothing");
    struct buf facts;
    buf_init(&facts, DOMAIN_MAX_BYTES);
    (void)fputs(form->head, stdout);
    for (size_t row = 0; row < option_count; row++) {
        put_facts(&option_table[row], &facts);
        form->print(&option_table[row], buf_text(&facts));
    }
    buf_fini(&facts);
    return CTL_OK;
}
