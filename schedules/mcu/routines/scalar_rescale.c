#include <stdint.h>

/* ((x * m + 2^31) >> 32) + offset. */
int32_t graphopt_scalar_rescale(int32_t x, int32_t m, int32_t offset) {
  int64_t product = (int64_t)x * m;
  return (int32_t)((product + INT64_C(0x80000000)) >> 32) + offset;
}
