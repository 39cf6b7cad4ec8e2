#include <stdint.h>

/* Depthwise windows of up to 4 x 4 over the words that helium_columns makes of 4 rows of an image.
 *
 * out[row][i][c], rows `row_pitch` and pixels `pitch` bytes apart, is i8, saturated:
 * ((sum * multiplier[c] + 2^31) >> 32) + offset, where sum is bias[c] and the products of the 4
 * columns from byte i * `step` of `columns` on with the 4 columns of w[row], all 64 bytes
 * apart. All rows read the same columns. With `scalar`, all channels have one multiplier.
 * `channels` is at most 16; `bias` and `multiplier` hold multiples of 4 numbers.
 */
int32_t graphopt_helium_depthwise_4(const int8_t *columns, const int8_t *w, const int32_t *bias,
                                    const int32_t *multiplier, int8_t *out, int32_t rows,
                                    int32_t count, int32_t step, int32_t channels,
                                    int32_t row_pitch, int32_t pitch, int32_t offset,
                                    int32_t scalar) {
  for (int32_t row = 0; row < rows; row++) {
    for (int32_t i = 0; i < count; i++) {
      for (int32_t c = 0; c < channels; c++) {
        int32_t sum = bias[c];
        for (int32_t tap = 0; tap < 16; tap++) {
          const int32_t place = tap / 4 * 64 + c * 4 + tap % 4;
          sum += columns[i * step + place] * w[row * 256 + place];
        }
        const int64_t product = (int64_t)sum * multiplier[scalar ? 0 : c] + ((int64_t)1 << 31);
        const int32_t y = (int32_t)(product >> 32) + offset;
        out[row * row_pitch + i * pitch + c] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
      }
    }
  }
  return 0;
}
