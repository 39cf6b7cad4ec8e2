/* memcpy and memset where the toolchain has no C library. */

#include <stddef.h>
#include <stdint.h>

/* Without this the compiler makes a call of memcpy of the loop in memcpy. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

/* Words of any type's bytes. */
typedef uint32_t word __attribute__((may_alias));

AS_WRITTEN void *memcpy(void *restrict to, const void *restrict from, size_t nbytes) {
  unsigned char *target = to;
  const unsigned char *source = from;
  if ((((uintptr_t)target | (uintptr_t)source) & 3) == 0) {
    for (; nbytes >= 4; nbytes -= 4, target += 4, source += 4) {
      *(word *)target = *(const word *)source;
    }
  }
  while (nbytes-- != 0) {
    *target++ = *source++;
  }
  return to;
}

AS_WRITTEN void *memset(void *to, int value, size_t nbytes) {
  unsigned char *target = to;
  if (((uintptr_t)target & 3) == 0) {
    const uint32_t repeated = (unsigned char)value * UINT32_C(0x01010101);
    for (; nbytes >= 4; nbytes -= 4, target += 4) {
      *(word *)target = repeated;
    }
  }
  while (nbytes-- != 0) {
    *target++ = (unsigned char)value;
  }
  return to;
}
