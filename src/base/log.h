/* The log: one JSON line an event, on stderr.
 *
 *     log_event(LOG_INFO, "export.finished", "{s:I, s:s}", "bytes", bytes, "sha256", digest);
 *
 * Every line has "time", "level", "event" and, inside a request or a job, "request". The rest is given in the notation
 * of jansson's json_pack and must be an object, or NULL for none. Never log a secret: settings are logged by config/
 * only, which knows which ones are.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/macros.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

void log_set_level(enum log_level level); /* lines below it are dropped; LOG_INFO at start */
void log_event(enum log_level level, const char *event, const char *format, ...);

/* The id that this thread's lines carry from now on; copied, at most 63 bytes; NULL ends it. */
void log_set_request(const char *id);

#endif
