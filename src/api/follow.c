#include "api/follow.h"

#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>

#define ID_LENGTH 24
#define KEPT_MS (2 * 60 * 1000) /* events of a job that has ended */
#define LOOK_MS 200             /* how often the watcher looks whether somebody follows */

struct followed {
    struct follow *owner;
    struct followed *next;
    char id[ID_LENGTH + 1];
    int64_t user_id;
    int reattach_ms;
    struct request *request; /* the one that started it; only for its own thread, and its cancel for the watcher */
    struct cancel *request_cancel;
    struct cancel *cancel;
    pthread_t watcher;
    /* Guarded by the owner's mutex: */
    json_t *events; /* an array; event i has the number i + 1 */
    int followers;  /* requests that replay it, and the first one while its client is there */
    int users;      /* that hold a pointer */
    bool ended;
    int64_t ended_at;
};

struct follow {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stopping;
    struct followed *jobs;
};

struct follow *follow_new(void)
{
    struct follow *follow = calloc(1, sizeof *follow);
    pthread_condattr_t attributes;
    if (follow == NULL)
        abort();
    pthread_mutex_init(&follow->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&follow->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return follow;
}

static void job_free(struct followed *job)
{
    json_decref(job->events);
    cancel_free(job->cancel);
    free(job);
}

/* With the mutex held: forget what ended long ago and nobody looks at. */
static void sweep(struct follow *follow, bool all)
{
    int64_t now = clock_mono_ms();
    for (struct followed **at = &follow->jobs; *at != NULL;) {
        struct followed *job = *at;
        if (job->users == 0 && job->ended && (all || now - job->ended_at > KEPT_MS)) {
            *at = job->next;
            job_free(job);
        } else {
            at = &job->next;
        }
    }
}

void follow_free(struct follow *follow)
{
    if (follow == NULL)
        return;
    sweep(follow, true);
    pthread_cond_destroy(&follow->changed);
    pthread_mutex_destroy(&follow->mutex);
    free(follow);
}

void follow_shutdown(struct follow *follow)
{
    pthread_mutex_lock(&follow->mutex);
    follow->stopping = true;
    pthread_cond_broadcast(&follow->changed);
    pthread_mutex_unlock(&follow->mutex);
}

/* ---- The job's side ---------------------------------------------------------------------------------------------- */

/* Fires the job's cancel when nobody has followed it for its time, or the server stops. */
static void *watch(void *context)
{
    struct followed *job = context;
    struct follow *follow = job->owner;
    int64_t alone_since = -1;
    bool client_left = false;
    pthread_mutex_lock(&follow->mutex);
    while (!job->ended) {
        int64_t now = clock_mono_ms();
        if (!client_left && cancel_fired(job->request_cancel)) {
            client_left = true;
            job->followers--;
        }
        alone_since = job->followers > 0 ? -1 : alone_since < 0 ? now : alone_since;
        if (follow->stopping)
            cancel_fire(job->cancel, ERR_SHUTTING_DOWN);
        else if (alone_since >= 0 && now - alone_since >= job->reattach_ms)
            cancel_fire(job->cancel, ERR_CANCELLED);
        struct timespec until = {.tv_sec = (now + LOOK_MS) / 1000, .tv_nsec = (now + LOOK_MS) % 1000 * 1000000};
        pthread_cond_timedwait(&follow->changed, &follow->mutex, &until);
    }
    pthread_mutex_unlock(&follow->mutex);
    return NULL;
}

struct followed *follow_begin(struct follow *follow, struct request *request, int64_t user_id, int reattach_ms,
                              struct err *err)
{
    struct followed *job = calloc(1, sizeof *job);
    if (job == NULL)
        abort();
    job->owner = follow;
    job->user_id = user_id;
    job->reattach_ms = reattach_ms;
    job->request = request;
    job->request_cancel = request_cancel(request);
    job->cancel = cancel_new();
    job->events = json_array();
    job->followers = job->users = 1;
    text_random(job->id, ID_LENGTH);
    pthread_mutex_lock(&follow->mutex);
    sweep(follow, false);
    job->next = follow->jobs;
    follow->jobs = job;
    bool ok = pthread_create(&job->watcher, NULL, watch, job) == 0;
    if (!ok)
        follow->jobs = job->next;
    pthread_mutex_unlock(&follow->mutex);
    if (ok)
        return job;
    job_free(job);
    err_set(err, ERR_SYSTEM, "no thread to watch over the job");
    return NULL;
}

const char *follow_id(const struct followed *job)
{
    return job->id;
}

struct cancel *follow_cancel(struct followed *job)
{
    return job->cancel;
}

void follow_event(struct followed *job, json_t *event)
{
    struct err err;
    pthread_mutex_lock(&job->owner->mutex);
    json_array_append(job->events, event);
    int64_t number = (int64_t)json_array_size(job->events);
    pthread_cond_broadcast(&job->owner->changed);
    pthread_mutex_unlock(&job->owner->mutex);
    /* A client that is gone is the watcher's affair. */
    if (!reply_numbered_event(job->request, number, event, &err))
        return;
}

void follow_end(struct followed *job)
{
    if (job == NULL)
        return;
    struct follow *follow = job->owner;
    pthread_mutex_lock(&follow->mutex);
    job->ended = true;
    job->ended_at = clock_mono_ms();
    pthread_cond_broadcast(&follow->changed);
    pthread_mutex_unlock(&follow->mutex);
    pthread_join(job->watcher, NULL);
    pthread_mutex_lock(&follow->mutex);
    job->users--;
    pthread_mutex_unlock(&follow->mutex);
}

/* ---- The followers' side ----------------------------------------------------------------------------------------- */

static struct followed *find_locked(struct follow *follow, const char *id, int64_t user_id, struct err *err)
{
    sweep(follow, false);
    for (struct followed *job = follow->jobs; job != NULL; job = job->next)
        if (strcmp(job->id, id) == 0 && job->user_id == user_id)
            return job;
    err_set(err, ERR_NOT_FOUND, "there is no such import of yours, or it ended over two minutes ago");
    return NULL;
}

/* The next event after `*after`, NULL when the job has ended and there is none, or the client left. */
static json_t *next_event(struct followed *job, int64_t *after, const struct cancel *cancel)
{
    struct follow *follow = job->owner;
    json_t *event = NULL;
    pthread_mutex_lock(&follow->mutex);
    for (;;) {
        event = json_incref(json_array_get(job->events, (size_t)*after));
        if (event != NULL || job->ended || cancel_fired(cancel))
            break;
        int64_t until = clock_mono_ms() + LOOK_MS;
        struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
        pthread_cond_timedwait(&follow->changed, &follow->mutex, &at);
    }
    pthread_mutex_unlock(&follow->mutex);
    *after += event != NULL;
    return event;
}

bool follow_replay(struct follow *follow, struct request *request, const char *id, int64_t user_id, int64_t after,
                   struct err *err)
{
    struct err left;
    json_t *event;
    bool sent = true;
    pthread_mutex_lock(&follow->mutex);
    struct followed *job = find_locked(follow, id, user_id, err);
    if (job != NULL) {
        job->users++;
        job->followers++;
    }
    pthread_mutex_unlock(&follow->mutex);
    if (job == NULL)
        return false;
    bool begun = reply_begin_events(request, err);
    while (begun && sent && (event = next_event(job, &after, request_cancel(request))) != NULL) {
        sent = reply_numbered_event(request, after, event, &left);
    }
    pthread_mutex_lock(&follow->mutex);
    job->users--;
    job->followers--;
    pthread_mutex_unlock(&follow->mutex);
    return begun;
}

bool follow_stop(struct follow *follow, const char *id, int64_t user_id, struct err *err)
{
    pthread_mutex_lock(&follow->mutex);
    struct followed *job = find_locked(follow, id, user_id, err);
    if (job != NULL && !job->ended)
        cancel_fire(job->cancel, ERR_CANCELLED);
    pthread_mutex_unlock(&follow->mutex);
    return job != NULL;
}
