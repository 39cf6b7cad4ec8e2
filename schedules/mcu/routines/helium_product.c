#include <stdint.h>

/* out[r][c] = f(bias[c] + sum over k < depth of x[r][k] * w[c][k]), for `rows` rows of x that lie
 * `pitch` bytes apart.
 *
 * Weights are packed by 4 channels: for each 16 of depth the 16 weights of each of the 4 channels,
 * at last what is left of each channel. `bias` and, in mode 0, `multiplier` hold multiples of 4
 * numbers. Modes:
 *   0: out is i8, saturated: ((sum * multiplier[c] + 2^31) >> 32) + offset
 *   1: the same with one multiplier for all channels
 *   2: out is i32: the sums themselves
 */
int32_t graphopt_helium_product(const int8_t *x, const int8_t *w, const int32_t *bias,
                                const int32_t *multiplier, void *out, int32_t rows, int32_t pitch,
                                int32_t depth, int32_t channels, int32_t offset, int32_t mode) {
  const int32_t whole = depth / 16 * 16, rest = depth - whole;
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < channels; c++) {
      const int8_t *group = w + (c / 4) * 4 * depth;
      int32_t sum = bias[c];
      for (int32_t k = 0; k < depth; k++) {
        const int32_t place = k < whole ? k / 16 * 64 + c % 4 * 16 + k % 16
                                        : 4 * whole + c % 4 * rest + (k - whole);
        sum += x[r * pitch + k] * group[place];
      }
      if (mode == 2) {
        ((int32_t *)out)[r * channels + c] = sum;
        continue;
      }
      const int64_t product = (int64_t)sum * multiplier[mode == 0 ? c : 0];
      const int32_t y = (int32_t)((product + ((int64_t)1 << 31)) >> 32) + offset;
      ((int8_t *)out)[r * channels + c] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
  }
  return 0;
}
