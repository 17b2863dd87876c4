/* channel.h - bytes over a connected socket, within a time that is known beforehand.
 *
 * A system call is made for the bytes alone when they are there, or when there is room for them;
 * only else it is waited for. Signals interrupt nothing.
 */
#ifndef POSTERN_EDGE_CHANNEL_H
#define POSTERN_EDGE_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* How many bytes came, at least one; 0 at the end; -1 when it broke or, with errno EAGAIN, when
 * nothing came until `deadline_ms` of the boot clock (0: what is there now). */
ssize_t channel_recv(int fd, char *out, size_t room, uint64_t deadline_ms);

/* The same, but the last byte of several stays in the kernel: a process that dies while it is there
 * resets the connection, where it would else just close it. It is read when it is all there is. */
ssize_t channel_recv_but_one(int fd, char *out, size_t room, uint64_t deadline_ms);

/* All of it, or -1: the other end is gone, or took nothing for `timeout_ms`; then a part may have
 * left. Changes `parts`. */
int channel_send(int fd, struct iovec *parts, size_t count, int timeout_ms);

#endif
