/* JSON of documents that the hub wrote: their whole numbers may be beyond 64 bits, which jansson's are not.
 */
#ifndef BATCH_WIDE_H
#define BATCH_WIDE_H

#include <jansson.h>
#include <stdbool.h>

/* As json_loadb(); whole numbers beyond 64 bits become reals, all others stay whole. */
json_t *wide_loadb(const char *text, size_t size, size_t flags, json_error_t *fault);
/* A number as it is written in JSON: is it whole, and beyond? */
bool wide_is_beyond(const char *digits, size_t size);

json_t *wide_loads(const char *text);

#endif
