#include <stdint.h>
#include <string.h>

#define ELEMENT(b) ((int32_t)(b))

#include "weights_digits8_unit4.inc"
#include "product_vector.inc"

int32_t graphopt_dense_digits8_u8(const void *x, const void *weights, void *out,
                                  const void *multipliers, const void *bias, int32_t offset,
                                  int32_t step, int32_t channels, int32_t groups, int32_t chunk,
                                  int32_t ending) {
    (void)chunk;
    return products((const uint8_t *)x, weights, out, (const int32_t *)multipliers,
                    (const int32_t *)bias, offset, step, channels, groups, ending);
}
