#include <stdint.h>

/* Sums of products for two pixels and blocks of 8 channels: sums[p][b * 8 + c] becomes
   bias[b][c] + start_p + the sum of x[p][i] * w[b][i][c], modulo 2^32. k is a positive multiple of
   4, and blocks is positive. */
int32_t graphopt_scalar_pairs_w16(const int16_t *x, const uint16_t *w, const int32_t *bias,
                                 int32_t *sums, int32_t k, int32_t blocks, int32_t start_0,
                                 int32_t start_1) {
  for (int32_t b = 0; b < blocks; b++) {
    for (int32_t c = 0; c < 8; c++) {
      uint32_t first = (uint32_t)bias[b * 8 + c] + (uint32_t)start_0;
      uint32_t second = (uint32_t)bias[b * 8 + c] + (uint32_t)start_1;
      for (int32_t i = 0; i < k; i++) {
        first += (uint32_t)x[i] * w[(b * k + i) * 8 + c];
        second += (uint32_t)x[k + i] * w[(b * k + i) * 8 + c];
      }
      sums[b * 8 + c] = (int32_t)first;
      sums[32 + b * 8 + c] = (int32_t)second;
    }
  }
  return 0;
}
