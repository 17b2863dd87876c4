/* authorities.c - looking at a directory of certificates. */
#include "net/authorities.h"

#include <dirent.h>
#include <string.h>

static bool
is_hash_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && strcmp(name + 8, ".0") == 0;
}

bool
authorities_is_hashed(const char *path)
{
    DIR *directory = path ? opendir(path) : NULL;
    if (!directory)
        return false;
    bool found = false;
    const struct dirent *entry;
    while (!found && (entry = readdir(directory)) != NULL)
        found = is_hash_name(entry->d_name);
    closedir(directory);
    return found;
}
