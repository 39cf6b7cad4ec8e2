#include <stdint.h>

/* Depthwise windows of up to 4 x 4 over the words that helium_columns makes of a row of an image.
 *
 * out[i][c], pixels `pitch` bytes apart, is i8: ((sum * multiplier[c] + 2^31) >> 32) + offset,
 * saturated, where sum is bias[c] and the products of the 4 columns from byte i * `step` of
 * `columns` on with the 4 columns of `w`, all 64 bytes apart. With `scalar`, all channels have one
 * multiplier. `channels` is at most 16; `bias` and `multiplier` hold multiples of 4 numbers.
 */
int32_t graphopt_helium_depthwise_4(const int8_t *columns, const int8_t *w, const int32_t *bias,
                                    const int32_t *multiplier, int8_t *out, int32_t count,
                                    int32_t step, int32_t channels, int32_t pitch, int32_t offset,
                                    int32_t scalar) {
  for (int32_t i = 0; i < count; i++) {
    for (int32_t c = 0; c < channels; c++) {
      int32_t sum = bias[c];
      for (int32_t tap = 0; tap < 16; tap++) {
        const int32_t place = tap / 4 * 64 + c * 4 + tap % 4;
        sum += columns[i * step + place] * w[place];
      }
      const int64_t product = (int64_t)sum * multiplier[scalar ? 0 : c];
      const int32_t y = (int32_t)((product + ((int64_t)1 << 31)) >> 32) + offset;
      out[i * pitch + c] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
  }
  return 0;
}
