#include <stdint.h>

/* out[r][c] is i8, saturated: ((sum * multiplier[c] + 2^31) >> 32) + offset, where sum is bias[c]
 * and the products of the `depth` (at most 16) elements of row r of x, rows `pitch` bytes apart,
 * with the weights of channel c, which are 16 with zeros in front. `channels` is a multiple of 4
 * and at most 65532. With `scalar`, all channels have one multiplier.
 */
int32_t graphopt_helium_short(const int8_t *x, const int8_t *w, const int32_t *bias,
                              const int32_t *multiplier, int8_t *out, int32_t rows, int32_t pitch,
                              int32_t depth, int32_t channels, int32_t offset, int32_t scalar) {
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < channels; c++) {
      int32_t sum = bias[c];
      for (int32_t k = 0; k < depth; k++) {
        sum += x[r * pitch + k] * w[c * 16 + 16 - depth + k];
      }
      const int64_t product = (int64_t)sum * multiplier[scalar ? 0 : c] + ((int64_t)1 << 31);
      const int32_t y = (int32_t)(product >> 32) + offset;
      out[r * channels + c] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
  }
  return 0;
}
