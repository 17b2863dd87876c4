/* process.h - what the process does to itself before it serves anybody. */
#ifndef POSTERN_PROG_PROCESS_H
#define POSTERN_PROG_PROCESS_H

/* No core file, and no look into our memory or environment for other processes of the same user:
 * they hold keys and prompts. First of all. */
void process_harden(void);

/* Descriptors 0 to 2 exist afterwards, so that no socket or file becomes standard error by
 * accident. */
void process_open_standard_fds(void);

/* What is written to standard output from here on goes to standard error: in CGI it would be a part
 * of the answer. Returns the descriptor that answers are written to. */
int process_take_stdout(void);

/* Raises the soft limit of descriptors to the hard one. How many there may be. */
unsigned process_raise_descriptors(void);

/* How many requests can run at once with that many descriptors, at most `wanted`, at least 1. */
unsigned process_clamp_threads(unsigned wanted, unsigned descriptors);

#endif
