#include <stdint.h>

/* Sums of products for two pixels and blocks of 8 channels, whose weights of 2 bits are packed into
   bytes, the first in the low bits: sums[p][b * 8 + c] becomes bias[b][c] + start_p + the sum of
   x_p[i] * w[b][i][c], modulo 2^32, where x[i] = 2^16 * x_1[i] + x_0[i]. Over `group` elements, from
   a multiple of that on, no such sum of either pixel leaves 16 bits. */
int32_t graphopt_scalar_pairs_w2(const int32_t *x, const uint8_t *w, const int32_t *bias,
                                 int32_t *sums, int32_t k, int32_t blocks, int32_t start_0,
                                 int32_t start_1, int32_t group) {
  (void)group;
  for (int32_t b = 0; b < blocks; b++) {
    for (int32_t c = 0; c < 8; c++) {
      uint32_t first = (uint32_t)bias[b * 8 + c] + (uint32_t)start_0;
      uint32_t second = (uint32_t)bias[b * 8 + c] + (uint32_t)start_1;
      for (int32_t i = 0; i < k; i++) {
        uint32_t weight = w[(b * k + i) * 2 + c / 4] >> c % 4 * 2 & 3;
        int32_t low = (int16_t)(uint16_t)x[i];
        first += (uint32_t)low * weight;
        int32_t high = (int32_t)((uint32_t)x[i] - (uint32_t)low) / 65536;
        second += (uint32_t)high * weight;
      }
      sums[b * 8 + c] = (int32_t)first;
      sums[32 + b * 8 + c] = (int32_t)second;
    }
  }
  return 0;
}
