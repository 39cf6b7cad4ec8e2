#include <stdint.h>

/* Sums of products for one pixel and blocks of 8 channels: sums[b][c] becomes
   bias[b][c] + start + the sum of x[i] * w[b][i][c], modulo 2^32. Bias may lie where sums lie.
   k is a positive multiple of 4, and blocks is positive. */
int32_t graphopt_scalar_dots_u8_w8(const uint8_t *x, const uint8_t *w, const int32_t *bias,
                                   int32_t *sums, int32_t k, int32_t blocks, int32_t start) {
  for (int32_t b = 0; b < blocks; b++) {
    for (int32_t c = 0; c < 8; c++) {
      uint32_t sum = (uint32_t)bias[b * 8 + c] + (uint32_t)start;
      for (int32_t i = 0; i < k; i++) {
        sum += (uint32_t)x[i] * w[(b * k + i) * 8 + c];
      }
      sums[b * 8 + c] = (int32_t)sum;
    }
  }
  return 0;
}
