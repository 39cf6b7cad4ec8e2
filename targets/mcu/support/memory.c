/* memcpy and memset where the toolchain has no C library. */

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t nbytes) {
  unsigned char *target = to;
  const unsigned char *source = from;
  while (nbytes-- != 0) {
    *target++ = *source++;
  }
  return to;
}

void *memset(void *to, int value, size_t nbytes) {
  unsigned char *target = to;
  while (nbytes-- != 0) {
    *target++ = (unsigned char)value;
  }
  return to;
}
