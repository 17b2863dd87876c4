/* page.h - the gateway's own pages: one table of path, who may see it, and what it says. */
#ifndef POSTERN_VIEW_PAGE_H
#define POSTERN_VIEW_PAGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "config/config.h"

struct page {
    const char *path;  /* below the mount, without a slash at its end */
    bool for_operator; /* else anybody may see it */
    const char *content_type;
    int (*write)(const struct config *config, struct buf *out); /* -1: out is full */
};

/* NULL: there is no such page. `path` is "" or begins with "/"; a slash at its end is allowed. */
const struct page *page_find(struct span path);

#endif
