/* Ctrl-C in order: the first SIGINT or SIGTERM calls a function, a second one ends the program at once. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdatomic.h>

/* Before any other thread is started: those that are inherit that both signals are not theirs. Until
 * interrupt_set() the first signal ends the program. An exit code, after a message. */
int interrupt_open(void);

/* From now on the first signal calls `stop`, in a thread of its own. */
void interrupt_set(void (*stop)(void *context), void *context);
/* From now on the first signal makes `flag` true. */
void interrupt_set_flag(atomic_bool *flag);

/* `stop` is not called any more. Also when it was not opened. */
void interrupt_close(void);

#endif
