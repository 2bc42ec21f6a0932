/* Jobs whose client may come back: their events are kept, and whoever started one can follow it by its number.
 *
 * An import that was sent with reattach=N outlives its connection by N seconds: it is cancelled only when nobody has
 * followed it for that long (or the server stops). Without reattach a job ends with its connection.
 *
 *     struct followed *job = follow_begin(follow, request, user_id, reattach_ms);   // own cancel: follow_cancel(job)
 *     follow_event(job, event);                                                     // kept, and sent to the request
 *     follow_end(job);                                                              // its events stay for two minutes
 */
#ifndef API_FOLLOW_H
#define API_FOLLOW_H

#include "http/http.h"

struct follow;   /* all of a server's; thread-safe */
struct followed; /* one job */

struct follow *follow_new(void);
void follow_shutdown(struct follow *follow); /* before http_stop(): jobs end, also those whose client has left */
void follow_free(struct follow *follow); /* after http_stop(): nobody follows any more */

/* The request is a streaming one, and its handler calls follow_end() before it returns. NULL when there is no thread
 * for it. */
struct followed *follow_begin(struct follow *follow, struct request *request, int64_t user_id, int reattach_ms,
                              struct err *err) MUST_CHECK;
const char *follow_id(const struct followed *job); /* 24 random characters */
struct cancel *follow_cancel(struct followed *job);
void follow_event(struct followed *job, json_t *event); /* takes the reference; after reply_begin_events() */
void follow_end(struct followed *job);

/* Send the request the events after number `after` (0: all), and those to come, until the job ends or the client
 * leaves. NOT_FOUND where `user_id` started no such job, or it ended too long ago. Replies, or fails before anything is
 * sent. */
bool follow_replay(struct follow *follow, struct request *request, const char *id, int64_t user_id, int64_t after,
                   struct err *err) MUST_CHECK;

/* End the job now, for the reason CANCELLED. NOT_FOUND as above; one that has ended stays as it is. */
bool follow_stop(struct follow *follow, const char *id, int64_t user_id, struct err *err) MUST_CHECK;

#endif
