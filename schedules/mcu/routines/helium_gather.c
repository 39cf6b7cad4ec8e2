#include <stdint.h>
#include <string.h>

/* Columns of an image: to[column][row] is a pixel of `depth` bytes; columns go `to_pitch` bytes
 * apart, their rows next to each other.
 *
 * `before` columns of padding come first, then `inside` ones from `from` on, where the image has
 * rows from `first` to below `last` and the other rows are padding, then `after` of padding.
 * `padding` is one pixel.
 */
int32_t graphopt_helium_gather(const int8_t *from, int8_t *to, const int8_t *padding,
                               int32_t depth, int32_t rows, int32_t first, int32_t last,
                               int32_t before, int32_t inside, int32_t after, int32_t row_pitch,
                               int32_t column_pitch, int32_t to_pitch) {
  for (int32_t row = 0; row < rows; row++) {
    for (int32_t column = 0; column < before + inside + after; column++) {
      const int known = column >= before && column < before + inside && row >= first && row < last;
      const int8_t *pixel =
          known ? from + row * row_pitch + (column - before) * column_pitch : padding;
      memcpy(to + column * to_pitch + row * depth, pixel, (size_t)depth);
    }
  }
  return 0;
}
