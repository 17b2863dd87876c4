/* listener.c - opens, takes over and closes the listening socket. */
#include "edge/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/span.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static void
forget(struct listener *listener)
{
    *listener = (struct listener){.fd = -1};
}

bool
listener_is_listening(int fd)
{
    int listens = 0;
    socklen_t len = sizeof(listens);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

static bool
is_loopback(const union address *address)
{
    switch (address->any.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    default:
        return false;
    }
}

int
listener_inherit(struct listener *listener, int fd, struct err *err)
{
    union address address;
    socklen_t len = sizeof(address);
    forget(listener);
    memset(&address, 0, sizeof(address));
    if (getsockname(fd, &address.any, &len))
        return err_system(err, "descriptor %d", fd);
    if (!is_loopback(&address))
        return err_set(
            err, ERR_DENIED,
            "descriptor %d listens on a network address; anybody there could claim to be "
            "the web server, so only UNIX sockets and loopback are served",
            fd);
    /* several processes may share it: who loses the race for a connection must not block */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return err_system(err, "descriptor %d", fd);
    listener->fd = fd;
    listener->is_tcp = address.any.sa_family != AF_UNIX;
    return 0;
}

/* --- a UNIX socket of our own --------------------------------------------- */

static int
parse_mode(struct span text, mode_t *mode, struct err *err)
{
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7' || value > 0777)
            return err_set(err, ERR_SYNTAX, "mode \"" SPAN_FMT "\" is not octal like 0660",
                           SPAN_ARG(text));
        value = value * 8 + (unsigned)(text.ptr[i] - '0');
    }
    if (text.len == 0 || value > 0777 || (value & 0600) != 0600)
        return err_set(err, ERR_RANGE, "mode \"" SPAN_FMT "\" is not one between 0600 and 0777",
                       SPAN_ARG(text));
    *mode = (mode_t)value;
    return 0;
}

static int
parse_unix(struct span text, struct listener *listener, mode_t *mode, struct err *err)
{
    *mode = LISTENER_DEFAULT_MODE;
    struct span rest = text;
    struct span path = span_split(&rest, ',');
    if (rest.ptr) {
        struct span name = span_split(&rest, '=');
        if (!span_is(name, "mode"))
            return err_set(err, ERR_SYNTAX, "\"" SPAN_FMT "\" is not \"mode=0660\"",
                           SPAN_ARG(name));
        if (parse_mode(rest, mode, err))
            return -1;
    }
    if (path.len == 0 || path.ptr[0] == '@') /* an abstract socket has no owner and no mode */
        return err_set(err, ERR_SYNTAX, "the path of the socket is missing");
    if (path.len >= sizeof(listener->path))
        return err_set(err, ERR_RANGE, "the path of the socket is longer than %zu bytes",
                       sizeof(listener->path) - 1);
    memcpy(listener->path, path.ptr, path.len);
    return 0;
}

static bool
is_in_use(const union address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true; /* cannot be told: leave it alone */
    bool refused = connect(fd, &address->any, sizeof(address->local)) && errno == ECONNREFUSED;
    (void)close(fd);
    return !refused;
}

static int
remove_stale(const union address *address, struct err *err)
{
    struct stat found;
    const char *path = address->local.sun_path;
    if (lstat(path, &found))
        return errno == ENOENT ? 0 : err_system(err, "%s", path);
    if (!S_ISSOCK(found.st_mode))
        return err_set(err, ERR_DENIED, "%s: is there and is not a socket", path);
    if (found.st_uid != geteuid())
        return err_set(err, ERR_DENIED, "%s: is the socket of another user", path);
    if (is_in_use(address))
        return err_set(err, ERR_DENIED, "%s: another process listens there", path);
    if (unlink(path) && errno != ENOENT)
        return err_system(err, "%s", path);
    return 0;
}

static int
bind_unix(struct listener *listener, const union address *address, mode_t mode, struct err *err)
{
    struct stat made;
    const char *path = listener->path;
    /* nobody may connect in the moment before chmod */
    mode_t saved = umask((mode_t)(~mode & 0777));
    int rc = bind(listener->fd, &address->any, sizeof(address->local));
    int bind_errno = errno;
    (void)umask(saved);
    errno = bind_errno;
    if (rc)
        return err_system(err, "%s", path);
    /* a default ACL of the directory stands above the umask */
    if (chmod(path, mode) || lstat(path, &made))
        return err_system(err, "%s", path);
    listener->device = made.st_dev;
    listener->inode = made.st_ino;
    return 0;
}

static int
open_unix(struct listener *listener, struct span text, struct err *err)
{
    union address address;
    mode_t mode;
    if (parse_unix(text, listener, &mode, err))
        return -1;
    memset(&address, 0, sizeof(address));
    address.local.sun_family = AF_UNIX;
    memcpy(address.local.sun_path, listener->path, sizeof(listener->path));
    if (remove_stale(&address, err))
        return -1;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return err_system(err, "socket");
    return bind_unix(listener, &address, mode, err);
}

/* --- loopback TCP --------------------------------------------------------- */

/* Numbers only: a name would ask a resolver where to listen. */
static int
parse_tcp(const char *text, union address *address, struct err *err)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    char host[INET6_ADDRSTRLEN + 2];
    memset(address, 0, sizeof(*address));
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (!colon || len >= sizeof(host) || num_parse_u64(span_from(colon + 1), 65535, &port) ||
        port == 0)
        return err_set(err, ERR_SYNTAX, "is neither unix:PATH nor ADDRESS:PORT");
    bool is_v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
    (void)snprintf(host, sizeof(host), "%.*s", (int)(is_v6 ? len - 2 : len), text + is_v6);
    if (is_v6 && inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
    } else if (!is_v6 && inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
    } else {
        return err_set(err, ERR_SYNTAX, "\"%s\" is not an address in numbers", host);
    }
    if (!is_loopback(address))
        return err_set(err, ERR_DENIED,
                       "is not loopback; anybody on the network could claim to be "
                       "the web server");
    return 0;
}

static int
open_tcp(struct listener *listener, const char *text, struct err *err)
{
    union address address;
    const int on = 1;
    if (parse_tcp(text, &address, err))
        return -1;
    int family = address.any.sa_family;
    listener->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return err_system(err, "socket");
    listener->is_tcp = true;
    (void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    socklen_t len = family == AF_INET ? sizeof(address.v4) : sizeof(address.v6);
    if (bind(listener->fd, &address.any, len))
        return err_system(err, "bind");
    return 0;
}

int
listener_open(struct listener *listener, const char *address, struct err *err)
{
    struct span text = span_from(address);
    forget(listener);
    listener->is_own = true;
    int rc = span_has_prefix(text, "unix:")
                 ? open_unix(listener, span_of(text.ptr + 5, text.len - 5), err)
                 : open_tcp(listener, address, err);
    if (rc == 0 && listen(listener->fd, LISTENER_BACKLOG))
        rc = err_system(err, "listen");
    if (rc) {
        listener_close(listener);
        return err_prefix(err, "--listen %s", address);
    }
    return 0;
}

static void
remove_own_file(const struct listener *listener)
{
    struct stat found;
    if (listener->inode != 0 && lstat(listener->path, &found) == 0 &&
        found.st_dev == listener->device && found.st_ino == listener->inode)
        (void)unlink(listener->path);
}

void
listener_close(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    remove_own_file(listener);
    /* The number stays taken where it is one of the standard three: the next file opened must not
     * become standard input. */
    int nothing = listener->fd <= STDERR_FILENO ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    if (nothing >= 0) {
        (void)dup2(nothing, listener->fd);
        (void)close(nothing);
    } else {
        (void)close(listener->fd);
    }
    forget(listener);
}
