/* watch.h - waking a wait when the client's connection moves or hangs up.
 *
 * The library's wait takes extra descriptors, but passes on POLLIN, POLLPRI and POLLOUT only, and
 * level- triggered: a web server's half-close (POLLRDHUP) would not wake it, and a connection with
 * unread bytes would wake it without end. So the connection is put into an epoll instance,
 * edge-triggered, and that instance's descriptor is what the library waits on: readable once for
 * each change, whatever it was.
 */
#ifndef POSTERN_NET_WATCH_H
#define POSTERN_NET_WATCH_H

struct watch {
    int fd;     /* to be waited on for POLLIN; -1: there is nothing to watch */
    int target; /* borrowed: the observer's */
    short events;
};

/* `target` may be -1. A target that cannot be waited for (a regular file) cannot hang up either and
 * is not watched. 0, or -1 with errno: this host is out of descriptors or memory. */
int watch_open(struct watch *watch, int target, short events);
void watch_close(struct watch *watch);

/* Takes the wake-up off `fd` and tells what is the case now, as poll(2) would; 0: nothing. */
short watch_take(struct watch *watch);

#endif
