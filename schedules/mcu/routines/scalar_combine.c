#include <stdint.h>

/* to[i] becomes first[i] + 2^16 * second[i], in order: where `first` starts 2 * n bytes after `to`,
   each element is read before it is overwritten. */
int32_t graphopt_scalar_combine(int32_t *to, const int16_t *first, const int16_t *second,
                                int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    to[i] = (int32_t)((uint32_t)first[i] + ((uint32_t)second[i] << 16));
  }
  return 0;
}
