/* Descriptors 0, 1 and 2. Who starts us may have closed them. */
#ifndef OS_STANDARD_STREAMS_H
#define OS_STANDARD_STREAMS_H

/* Takes the numbers that are free, before a file or a socket gets one and messages go there. What is written to or read
 * from such a stream fails (EBADF) as it did. */
void standard_streams_hold(void);

#endif
