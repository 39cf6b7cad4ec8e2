#include <stdint.h>

/* Copies n numbers and returns their sum. */
int32_t graphopt_scalar_widen_i8(int16_t *to, const int8_t *from, int32_t n) {
  int32_t sum = 0;
  for (int32_t i = 0; i < n; i++) {
    to[i] = from[i];
    sum += from[i];
  }
  return sum;
}
