/* Runs on the emulated core and does what the file `job` says: put bytes into memory, call
 * functions, save bytes to the file `result`. All addresses are chosen on the host. */

#include "monitor.h"
#include "semihosting.h"

enum kind { END = 0, LOAD = 1, FILL = 2, CALL = 3, SAVE = 4 };

/* LOAD: `nbytes` that follow in the job go to `address`.
 * FILL: `nbytes` / 4 words at `address` become `value`.
 * CALL: the function at `address` gets the `nbytes` / 4 words that follow, on the stack that ends
 *       at `value`; the word it returns goes to the result.
 * SAVE: `nbytes` at `address` go to the result. */
struct command {
  uint32_t kind;
  uint32_t address;
  uint32_t nbytes;
  uint32_t value;
};

enum exit_code { DONE = 0, NO_FILE = 2, SHORT_JOB = 3, NO_SPACE = 4, FAULT = 5 };

static void leave(enum exit_code code) __attribute__((noreturn));
static void leave(enum exit_code code) {
  const uint32_t application_exit = 0x20026;
  const uint32_t block[] = {application_exit, code};
  semihosting(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}

static uint32_t open(const char *name, uint32_t length, enum open_mode mode) {
  const uint32_t block[] = {(uint32_t)name, mode, length};
  const uint32_t handle = semihosting(SYS_OPEN, block);
  if (handle == UINT32_MAX) {
    leave(NO_FILE);
  }
  return handle;
}

static void read(uint32_t handle, uint32_t address, uint32_t nbytes) {
  const uint32_t block[] = {handle, address, nbytes};
  if (nbytes != 0 && semihosting(SYS_READ, block) != 0) {
    leave(SHORT_JOB);
  }
}

static void write(uint32_t handle, uint32_t address, uint32_t nbytes) {
  const uint32_t block[] = {handle, address, nbytes};
  if (nbytes != 0 && semihosting(SYS_WRITE, block) != 0) {
    leave(NO_SPACE);
  }
}

void monitor(void) {
  const uint32_t job = open("job", 3, READ_BINARY);
  const uint32_t result = open("result", 6, WRITE_BINARY);
  for (;;) {
    struct command command;
    read(job, (uint32_t)&command, sizeof command);
    switch (command.kind) {
    case END:
      semihosting(SYS_CLOSE, &result);
      leave(DONE);
    case LOAD:
      read(job, command.address, command.nbytes);
      break;
    case FILL:
      for (uint32_t i = 0; i < command.nbytes; i += 4) {
        *(volatile uint32_t *)(command.address + i) = command.value;
      }
      break;
    case CALL: {
      uint32_t arguments[MOST_ARGUMENTS] = {0};
      read(job, (uint32_t)arguments, command.nbytes);
      const int32_t returned = invoke(command.address, arguments, command.value);
      write(result, (uint32_t)&returned, sizeof returned);
      break;
    }
    case SAVE:
      write(result, command.address, command.nbytes);
      break;
    default:
      leave(SHORT_JOB);
    }
  }
}

void report_fault(const uint32_t *registers, uint32_t count) {
  static const char digits[] = "0123456789abcdef";
  semihosting(SYS_WRITE0, "fault");
  for (uint32_t i = 0; i < count; i++) {
    char text[] = " 00000000";
    for (uint32_t digit = 0; digit < 8; digit++) {
      text[1 + digit] = digits[registers[i] >> (28 - 4 * digit) & 15];
    }
    semihosting(SYS_WRITE0, text);
  }
  semihosting(SYS_WRITE0, "\n");
  leave(FAULT);
}
