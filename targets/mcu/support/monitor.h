/* What the monitor and the start code of a core need of each other. */
#ifndef MONITOR_H
#define MONITOR_H

#include <stdint.h>

enum { MOST_ARGUMENTS = 32 };

/* Obey the commands of the file `job`, then leave the emulator. */
void monitor(void) __attribute__((noreturn));

/* Call `function` on a stack that starts below `stack`, with MOST_ARGUMENTS words as arguments.
 * The labels `call_begin` and `call_end` stand on the calling instruction and on the one after. */
int32_t invoke(uint32_t function, const uint32_t *arguments, uint32_t stack);

/* Print the registers that say what went wrong, and leave the emulator. */
void report_fault(const uint32_t *registers, uint32_t count) __attribute__((noreturn));

#endif
