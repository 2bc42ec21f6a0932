#include "cli/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic(struct cancel *) watched;

static void on_signal(int number)
{
    struct cancel *cancel = watched;
    if (cancel == NULL || cancel_fired(cancel))
        _exit(128 + number);
    cancel_fire(cancel, ERR_CANCELLED); /* an atomic and a write(2): safe in a handler */
}

void signals_watch(struct cancel *cancel)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    watched = cancel;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void signals_unwatch(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    watched = NULL;
}
