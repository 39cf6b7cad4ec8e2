#include <stdint.h>

/* Columns of 4 rows of an image become words: to[column][channel] holds the bytes of the 4 rows,
 * and columns lie `to_pitch` bytes apart, each with 16 channels, of which `channels` are real.
 *
 * `before` columns of padding come first, then `inside` ones from `from` on, where the image has
 * rows from `first` to below `last` and the other rows are padding, then `after` of padding.
 * `padding` is one pixel.
 */
int32_t graphopt_helium_columns(const int8_t *from, int8_t *to, const int8_t *padding,
                                int32_t channels, int32_t first, int32_t last, int32_t before,
                                int32_t inside, int32_t after, int32_t row_pitch,
                                int32_t column_pitch, int32_t to_pitch) {
  for (int32_t column = 0; column < before + inside + after; column++) {
    const int known = column >= before && column < before + inside;
    for (int32_t c = 0; c < 16; c++) {
      for (int32_t row = 0; row < 4; row++) {
        const int8_t *pixel = known && row >= first && row < last
                                  ? from + row * row_pitch + (column - before) * column_pitch
                                  : padding;
        to[column * to_pitch + c * 4 + row] = c < channels ? pixel[c] : 0;
      }
    }
  }
  return 0;
}
