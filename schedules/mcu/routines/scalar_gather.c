#include <stdint.h>

/* to[i] becomes from[i * step] with the bits of `flip` inverted, in order: `to` may lie before
   `from` in the same array. Nothing happens where n is not positive. */
int32_t graphopt_scalar_gather(uint8_t *to, const uint8_t *from, int32_t n, int32_t step,
                               int32_t flip) {
  for (int32_t i = 0; i < n; i++) {
    to[i] = (uint8_t)(from[i * step] ^ flip);
  }
  return 0;
}
