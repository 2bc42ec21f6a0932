/* A server program for tests: a private temporary directory and the process that works in it. When the test program
 * ends, however it ends, the process is ended too and the directory removed. What goes wrong is told on stderr.
 */
#ifndef UNIT_SUPPORT_PROCESS_H
#define UNIT_SUPPORT_PROCESS_H

#include "base/macros.h"

struct subprocess;

struct test_process {
    char directory[80];         /* below HUBPORT_TEST_TMP, else /tmp; open to `user` alone */
    const char *user;           /* NULL: as ourselves */
    struct subprocess *running; /* NULL: none */
    int end_signal;             /* what ends it */
    struct subprocess *remover; /* of the directory, when nobody has `output` open any more */
    int output;
};

/* Makes the directory. `user` must live as long. */
bool test_process_open(struct test_process *process, const char *user) MUST_CHECK;
void test_process_close(struct test_process *process); /* ends what runs; after a successful open */

/* Runs a program to its end; false when its exit status is not 0. What it prints is shown when
 * the call fails, here and below. */
bool test_process_run(const struct test_process *process, const char *const *argv) MUST_CHECK;

/* Starts a server and waits until it is ready; `end_signal` is what ends it. The thread that calls must live on. */
bool test_process_start(struct test_process *process, const char *const *argv, int end_signal,
                        bool (*ready)(const void *context), const void *context) MUST_CHECK;
void test_process_end(struct test_process *process); /* and reaps it; the directory stays */

#endif
