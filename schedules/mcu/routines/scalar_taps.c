#include <stdint.h>

/* sums[r][c] becomes start plus the sum of weight * x[r * row_step + c + place] over all taps,
   modulo 2^32. The upper half of a tap is its weight; the lower halves of it and of those before
   it add up to its place. Up to 7 sums behind the last are overwritten. */
int32_t graphopt_scalar_taps(const uint8_t *x, const int32_t *taps, int32_t *sums, int32_t n,
                             int32_t columns, int32_t rows, int32_t row_step, int32_t start) {
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < columns; c++) {
      const uint8_t *from = x + r * row_step + c;
      uint32_t sum = (uint32_t)start;
      for (int32_t i = 0; i < n; i++) {
        from += (int16_t)(uint16_t)taps[i];
        sum += (uint32_t)(taps[i] >> 16) * *from;
      }
      sums[r * columns + c] = (int32_t)sum;
    }
  }
  return 0;
}
