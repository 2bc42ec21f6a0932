/* Included before every source file (-include): calls that cannot be used safely do not compile. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc makes macros of these for clang. */
#undef sprintf
#undef vsprintf
#pragma GCC poison sprintf vsprintf strcpy strcat strncpy system popen
#endif

#endif
