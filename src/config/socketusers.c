/* socketusers.c - names and numbers of users as uids. */
#include "config/socketusers.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "base/num.h"
#include "config/settings.h"

#define PASSWD_BYTES 4096

/* -1: there is no such user, or nobody knows; errno says which (0: there is none). */
static int
find_uid(struct load *load, struct span name, uint64_t *uid)
{
    struct passwd user, *found = NULL;
    char room[PASSWD_BYTES];
    if (num_parse_u64(name, UINT32_MAX - 1, uid) == 0)
        return 0;
    const char *text = load_copy(load, name);
    errno = getpwnam_r(text, &user, room, sizeof(room), &found);
    if (errno != 0 || !found)
        return -1;
    *uid = user.pw_uid;
    return 0;
}

void
socketusers_make(struct load *load)
{
    const char *text = load->options.socket_users;
    const struct setting *setting = settings_find(load, "POSTERN_SOCKET_USERS");
    struct span rest = span_from(text);
    uint32_t *uids = text ? load_array(load, settings_count_parts(text), sizeof(*uids)) : NULL;
    size_t count = 0;
    while (uids && rest.ptr) {
        struct span name = span_trim(span_split(&rest, ','));
        uint64_t uid;
        if (name.len == 0)
            continue;
        if (find_uid(load, name, &uid) != 0)
            mistakes_add(load->mistakes, setting->at, setting->name,
                         "no user is called \"" SPAN_FMT "\"%s%s", SPAN_ARG(name),
                         errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
        else if (uid == SOCKETUSERS_NOBODY)
            mistakes_add(load->mistakes, setting->at, setting->name,
                         "user %d stands for every user that this host does not know",
                         SOCKETUSERS_NOBODY);
        else
            uids[count++] = (uint32_t)uid;
    }
    load->config->socket_uids = uids;
    load->config->socket_uid_count = count;
}
