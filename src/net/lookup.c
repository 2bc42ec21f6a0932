#include "net/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
    atomic_int owners; /* the thread and the asker; the last one frees */
    int done;          /* eventfd */
    int failed;
    struct addrinfo *addresses;
    char *host, *port;
};

static void let_go(struct lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->owners, 1) > 1)
        return;
    if (lookup->addresses != NULL)
        freeaddrinfo(lookup->addresses);
    if (lookup->done >= 0)
        close(lookup->done);
    free(lookup->host);
    free(lookup->port);
    free(lookup);
}

static void *run(void *context)
{
    struct lookup *lookup = context;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    uint64_t one = 1;
    lookup->failed = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->addresses);
    while (write(lookup->done, &one, sizeof one) < 0 && errno == EINTR)
        ;
    let_go(lookup);
    return NULL;
}

/* Detached, and not disturbed by the program's signals. */
static int start_thread(struct lookup *lookup)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &detached, run, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return failed;
}

struct lookup *lookup_start(const char *host, const char *port, struct err *err)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL || (lookup->host = strdup(host)) == NULL || (lookup->port = strdup(port)) == NULL)
        abort();
    atomic_init(&lookup->owners, 2);
    lookup->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->done < 0) {
        err_errno(err, ERR_REDIS_UNAVAILABLE, "eventfd");
        goto failed;
    }
    errno = start_thread(lookup);
    if (errno != 0) {
        err_errno(err, ERR_REDIS_UNAVAILABLE, "starting a thread");
        goto failed;
    }
    return lookup;
failed:
    atomic_store(&lookup->owners, 1);
    let_go(lookup);
    return NULL;
}

int lookup_fd(const struct lookup *lookup)
{
    return lookup->done;
}

int lookup_take(struct lookup *lookup, struct addrinfo **addresses)
{
    uint64_t answered;
    if (read(lookup->done, &answered, sizeof answered) < 0)
        return EAI_AGAIN; /* not there yet, or taken before */
    *addresses = lookup->addresses;
    lookup->addresses = NULL;
    return lookup->failed;
}

void lookup_drop(struct lookup *lookup)
{
    if (lookup != NULL)
        let_go(lookup);
}
