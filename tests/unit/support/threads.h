#ifndef UNIT_SUPPORT_THREADS_H
#define UNIT_SUPPORT_THREADS_H

/* Runs it in that many threads at once and waits for all. It returns the number of its failures as a pointer, NULL for
 * none (a thread must not fail the test itself); one that is not NULL fails the test. */
void run_threads(int count, void *(*run)(void *), void *context);

#endif
