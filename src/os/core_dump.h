/* Core dumps: there are none of ours, because memory holds passwords, tokens and keys. */
#ifndef OS_CORE_DUMP_H
#define OS_CORE_DUMP_H

/* For this process and those that it starts: no file, and for a program that collects dumps (core_pattern with a pipe,
 * which asks no limit) no memory, see core(5). */
void core_dump_forbid(void);

#endif
