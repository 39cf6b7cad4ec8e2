#include <stdint.h>

/* Bytes of `nbytes` (a multiple of 16) packed ones, which hold numbers of `bits` (4 or 2) each: of
 * 16 bytes first the lowest bits of each, then the next.
 */
int32_t graphopt_helium_unpack(const int8_t *from, int8_t *to, int32_t nbytes, int32_t bits) {
  for (int32_t i = 0; i < nbytes * 8 / bits; i++) {
    const int32_t each = 16 * 8 / bits;
    const int32_t shift = i % each / 16 * bits;
    const int32_t number = ((uint8_t)from[i / each * 16 + i % 16] >> shift) & ((1 << bits) - 1);
    to[i] = (int8_t)(number >> (bits - 1) ? number - (1 << bits) : number);
  }
  return 0;
}
