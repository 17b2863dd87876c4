/* secrets.c - looks for fragments of the known secrets, quickly where there are none.
 *
 * All that is known stands in one table, which is never changed: who adds or forgets makes another.
 * A table that cannot be made leaves the one before in its place, which knows no less.
 */
#include "base/secrets.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/pages.h"

#define LAYERS 3       /* an error in JSON that quotes JSON that quotes JSON */
#define DISTINCT_MIN 4 /* different bytes in a fragment; "00000000" stands in many texts */
#define READ_MAX 1024  /* of a secret that is escaped, at a time */

#define GRAM 4
#define GRAM_BITS 65536
#define FRAGMENT_BITS 131072

/* A secret and who counts on it. */
struct entry {
    struct span text;
    size_t users;
};

struct form {
    struct span text;
    size_t least;
};

/* One piece of locked memory: this, the entries, the forms, their text. */
struct table {
    size_t bytes;
    struct entry *entries;
    struct form *forms;
    size_t entry_count, form_count;
    /* One bit for each hash of four bytes, and of eight, that stand in a form: most text has none
     * set. */
    uint64_t grams[GRAM_BITS / 64];
    uint64_t fragments[FRAGMENT_BITS / 64];
};

static struct {
    pthread_rwlock_t lock;
    struct table *table; /* NULL: nothing is known */
} known = {.lock = PTHREAD_RWLOCK_INITIALIZER};

/* --- what can be found ---------------------------------------------------- */

static bool
is_plain(const char *fragment)
{
    unsigned distinct = 0;
    for (size_t i = 0; i < SECRETS_FRAGMENT; i++)
        distinct += !memchr(fragment, fragment[i], i);
    return distinct < DISTINCT_MIN;
}

bool
secrets_can_find(struct span secret)
{
    for (size_t at = 0; at + SECRETS_FRAGMENT <= secret.len; at++) {
        if (!is_plain(secret.ptr + at))
            return true;
    }
    return false;
}

static uint32_t
gram_bit(const char *four)
{
    uint32_t word;
    memcpy(&word, four, sizeof(word));
    return (word * UINT32_C(2654435761)) >> 16;
}

static uint64_t
fragment_bit(const char *eight)
{
    uint64_t word;
    memcpy(&word, eight, sizeof(word));
    return (word * UINT64_C(0x9e3779b97f4a7c15)) >> 47;
}

/* --- the table ------------------------------------------------------------ */

static struct entry *
find_entry(struct entry *entries, size_t count, struct span secret)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(entries[i].text, secret))
            return &entries[i];
    }
    return NULL;
}

static void
note_form(struct table *table, struct span text)
{
    for (size_t at = 0; at + GRAM <= text.len; at++) {
        uint32_t bit = gram_bit(text.ptr + at);
        table->grams[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
    for (size_t at = 0; at + SECRETS_FRAGMENT <= text.len; at++) {
        uint64_t bit = fragment_bit(text.ptr + at);
        table->fragments[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

/* The entry's forms, its text the first of them. Returns where the next text goes. */
static char *
add_forms(struct table *table, const struct entry *entry, char *room)
{
    for (unsigned i = 0; i < DISGUISE_COUNT; i++) {
        struct span text = span_of(room, disguise_len(entry->text, i));
        disguise_put(entry->text, i, room);
        table->forms[table->form_count++] = (struct form){text, disguise_least(i)};
        note_form(table, text);
        room += text.len;
    }
    return room;
}

static size_t
measure(const struct entry *entries, size_t count)
{
    size_t bytes = sizeof(struct table);
    for (size_t i = 0; i < count; i++) {
        bytes += sizeof(struct entry) + DISGUISE_COUNT * sizeof(struct form);
        for (unsigned form = 0; form < DISGUISE_COUNT; form++)
            bytes += disguise_len(entries[i].text, form);
    }
    return bytes;
}

/* Of the entries that somebody counts on; NULL: no memory is left. */
static struct table *
make_table(const struct entry *entries, size_t count)
{
    size_t bytes = measure(entries, count);
    struct table *table = pages_new_locked(bytes);
    if (!table)
        return NULL;
    table->bytes = bytes;
    table->entries = (struct entry *)(void *)(table + 1);
    table->forms = (struct form *)(void *)(table->entries + count);
    char *room = (char *)(table->forms + count * DISGUISE_COUNT);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &table->entries[table->entry_count++];
        *entry = entries[i];
        size_t first = table->form_count;
        room = add_forms(table, entry, room);
        entry->text = table->forms[first].text;
    }
    return table;
}

static void
free_table(struct table *table)
{
    if (!table)
        return;
    pages_free_locked(table, table->bytes);
}

/* With the lock. -1: the table is the one before. */
static int
replace(const struct entry *entries, size_t count)
{
    struct table *table = count > 0 ? make_table(entries, count) : NULL;
    if (count > 0 && !table)
        return -1;
    free_table(known.table);
    known.table = table;
    return 0;
}

/* What is known and counted on now, with room for `more`. The texts are borrowed. */
static struct entry *
list_entries(size_t more, size_t *count)
{
    size_t present = known.table ? known.table->entry_count : 0;
    struct entry *entries = mem_array(present + more, sizeof(*entries));
    *count = 0;
    for (size_t i = 0; entries && i < present; i++) {
        if (known.table->entries[i].users > 0)
            entries[(*count)++] = known.table->entries[i];
    }
    return entries;
}

/* Where all are known already: the table is as good as it was. */
static void
count_users(const struct entry *entries, size_t count)
{
    for (size_t i = 0; known.table && i < count; i++) {
        struct entry *entry =
            find_entry(known.table->entries, known.table->entry_count, entries[i].text);
        if (entry)
            entry->users = entries[i].users;
    }
}

static int
take(const struct span *secrets, size_t count)
{
    size_t entry_count;
    struct entry *entries = list_entries(count, &entry_count);
    size_t before = entry_count;
    if (!entries)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!secrets_can_find(secrets[i]))
            continue;
        struct entry *entry = find_entry(entries, entry_count, secrets[i]);
        if (!entry)
            entries[entry_count++] = (struct entry){secrets[i], 1};
        else
            entry->users++;
    }
    int rc = 0;
    if (entry_count > before)
        rc = replace(entries, entry_count);
    else
        count_users(entries, entry_count);
    mem_free(entries);
    return rc;
}

int
secrets_take(const struct span *secrets, size_t count)
{
    pthread_rwlock_wrlock(&known.lock);
    int rc = take(secrets, count);
    pthread_rwlock_unlock(&known.lock);
    return rc;
}

void
secrets_drop(const struct span *secrets, size_t count)
{
    bool is_less = false;
    pthread_rwlock_wrlock(&known.lock);
    for (size_t i = 0; i < count && known.table; i++) {
        struct entry *entry =
            find_entry(known.table->entries, known.table->entry_count, secrets[i]);
        if (entry && entry->users > 0)
            is_less |= --entry->users == 0;
    }
    size_t left;
    struct entry *entries = is_less ? list_entries(0, &left) : NULL;
    if (entries)
        (void)replace(entries, left); /* what cannot be forgotten now is with the next change */
    mem_free(entries);
    pthread_rwlock_unlock(&known.lock);
}

/* --- the search ----------------------------------------------------------- */

/* How many bytes at the front of `text` stand in the form, when that is `least` or more. */
static size_t
match_len(const struct form *form, struct span text)
{
    size_t best = 0;
    struct span rest = form->text;
    if (text.len < form->least)
        return 0;
    const char *at;
    while (rest.len >= form->least &&
           (at = memmem(rest.ptr, rest.len, text.ptr, form->least)) != NULL) {
        size_t left = rest.len - (size_t)(at - rest.ptr);
        size_t len = form->least;
        while (len < left && len < text.len && at[len] == text.ptr[len])
            len++;
        best = len > best ? len : best;
        rest = span_of(at + 1, left - 1);
    }
    return best;
}

static bool
has_gram(const char *four)
{
    uint32_t bit = gram_bit(four);
    return (known.table->grams[bit / 64] >> (bit % 64) & 1) != 0;
}

/* May these eight bytes stand in a form? */
static bool
may_be_fragment(const char *text)
{
    for (size_t at = 0; at + GRAM <= SECRETS_FRAGMENT; at++) {
        if (!has_gram(text + at))
            return false;
    }
    uint64_t bit = fragment_bit(text);
    return (known.table->fragments[bit / 64] >> (bit % 64) & 1) != 0 && !is_plain(text);
}

/* How many bytes at the front of `text` stand in any form. */
static size_t
longest_match(struct span text)
{
    size_t best = 0;
    for (size_t i = 0; i < known.table->form_count; i++) {
        size_t len = match_len(&known.table->forms[i], text);
        best = len > best ? len : best;
    }
    return best;
}

static bool
find_as_it_is(struct span text, struct span *found)
{
    const char *at = text.ptr;
    for (size_t left = text.len; left >= SECRETS_FRAGMENT;) {
        size_t step = 1;
        /* Each fragment that begins at one of the next places, up to this one, holds these four. */
        if (!has_gram(at + SECRETS_FRAGMENT - GRAM)) {
            step = SECRETS_FRAGMENT - GRAM + 1;
        } else if (may_be_fragment(at)) {
            *found = span_of(at, longest_match(span_of(at, left)));
            if (found->len > 0)
                return true;
        }
        at += step;
        left -= step;
    }
    return false;
}

/* How many bytes of `text` stand for a run of a secret. */
static size_t
match_escaped(struct span text, unsigned layers)
{
    char read[READ_MAX];
    uint32_t ends[READ_MAX];
    size_t count = 0, at = 0;
    while (count < READ_MAX && at < text.len) {
        struct escape_unit unit = escape_read(span_of(text.ptr + at, text.len - at), layers);
        if (unit.byte == ESCAPE_OTHER || at + unit.len > UINT32_MAX)
            break;
        at += unit.len;
        read[count] = (char)unit.byte;
        ends[count++] = (uint32_t)at;
    }
    if (count < SECRETS_FRAGMENT)
        return 0;
    size_t len = longest_match(span_of(read, count));
    mem_wipe(read, count);
    return len > 0 && len <= count ? ends[len - 1] : 0;
}

/* A window of eight characters slides over the text. `is_wrapped`: there is another layer. */
static bool
find_escaped(struct span text, unsigned layers, struct span *found, bool *is_wrapped)
{
    char ring[2 *
              SECRETS_FRAGMENT]; /* each character twice, so that the last eight stand in a row */
    size_t starts[SECRETS_FRAGMENT], count = 0;
    *is_wrapped = false;
    for (size_t at = 0; at < text.len;) {
        struct escape_unit unit = escape_read(span_of(text.ptr + at, text.len - at), layers);
        size_t newest = count % SECRETS_FRAGMENT, oldest = (count + 1) % SECRETS_FRAGMENT;
        ring[newest] = ring[newest + SECRETS_FRAGMENT] = (char)unit.byte;
        starts[newest] = at;
        count = unit.byte == ESCAPE_OTHER ? 0 : count + 1;
        *is_wrapped |= escape_begins(unit.byte);
        at += unit.len;
        if (count < SECRETS_FRAGMENT || !may_be_fragment(ring + oldest))
            continue;
        struct span rest = span_of(text.ptr + starts[oldest], text.len - starts[oldest]);
        *found = span_of(rest.ptr, match_escaped(rest, layers));
        if (found->len > 0)
            return true;
    }
    return false;
}

static bool
has_escapes(struct span text)
{
    return memchr(text.ptr, '\\', text.len) || memchr(text.ptr, '%', text.len) ||
           memchr(text.ptr, '&', text.len);
}

static bool
comes_before(struct span a, struct span b)
{
    return a.ptr < b.ptr || (a.ptr == b.ptr && a.len > b.len);
}

/* The first of what each reading of the text finds. */
static bool
find(struct span text, struct span *found)
{
    bool is_found = find_as_it_is(text, found);
    bool is_wrapped = has_escapes(text);
    for (unsigned layers = 1; layers <= LAYERS && is_wrapped; layers++) {
        struct span other;
        if (!find_escaped(text, layers, &other, &is_wrapped))
            continue;
        if (!is_found || comes_before(other, *found))
            *found = other;
        is_found = true;
        is_wrapped = true; /* it may be wrapped further on, where nobody has looked */
    }
    return is_found;
}

bool
secrets_find(struct span text, struct span *found)
{
    if (text.len < SECRETS_FRAGMENT) /* most values of headers: no lock for them */
        return false;
    pthread_rwlock_rdlock(&known.lock);
    bool is_found = known.table && find(text, found);
    pthread_rwlock_unlock(&known.lock);
    return is_found;
}
