#include <stdint.h>

/* bias[c] + sum over k < depth of x[r][k] * w[c][k].
 *
 * Weights are packed by 4 channels, each filled up with zeros in front to whole steps of 16: for
 * each step the 16 weights of each of the 4 channels. `bias` holds a multiple of 4 numbers.
 */
static int32_t sum_of(const int8_t *row, const int8_t *w, const int32_t *bias, int32_t depth,
                      int32_t c) {
  const int32_t missing = -depth & 15;
  const int8_t *group = w + (c / 4) * 4 * (depth + missing);
  int32_t sum = bias[c];
  for (int32_t k = 0; k < depth; k++) {
    const int32_t place = k + missing;
    sum += row[k] * group[place / 16 * 64 + c % 4 * 16 + place % 16];
  }
  return sum;
}

/* For `rows` rows of x that lie `pitch` bytes apart, by mode:
 *   0: out is i8, saturated: ((sum * multiplier[c] + 2^31) >> 32) + offset; `multiplier` holds a
 *      multiple of 4 numbers
 *   1: the same with one multiplier for all channels
 *   2: out is i32: the sums themselves
 * Rows of out lie `out_pitch` bytes apart, in modes 0 and 1 at most 65532.
 */
int32_t graphopt_helium_product(const int8_t *x, const int8_t *w, const int32_t *bias,
                                const int32_t *multiplier, void *out, int32_t rows,
                                int32_t pitch, int32_t depth, int32_t channels,
                                int32_t out_pitch, int32_t offset, int32_t mode) {
  for (int32_t r = 0; r < rows; r++) {
    for (int32_t c = 0; c < channels; c++) {
      const int32_t sum = sum_of(x + r * pitch, w, bias, depth, c);
      if (mode == 2) {
        ((int32_t *)out)[r * (out_pitch / 4) + c] = sum;
        continue;
      }
      const int64_t product = (int64_t)sum * multiplier[mode == 1 ? 0 : c] + ((int64_t)1 << 31);
      const int32_t y = (int32_t)(product >> 32) + offset;
      ((int8_t *)out)[r * out_pitch + c] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
  }
  return 0;
}
