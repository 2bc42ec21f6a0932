/* The figures of a merge or a preview as a table for people, on stdout. */
#ifndef CLI_FIGURES_H
#define CLI_FIGURES_H

#include "cli/command.h"

#include "backup/figures.h"

void print_figures(struct invocation *invocation, const struct figures *figures);

#endif
