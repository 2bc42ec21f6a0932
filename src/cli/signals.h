/* SIGINT and SIGTERM become a cancel. A second one ends the process at once. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "os/cancel.h"

void signals_watch(struct cancel *cancel); /* also ignores SIGPIPE: writes fail instead */
void signals_unwatch(void);

#endif
