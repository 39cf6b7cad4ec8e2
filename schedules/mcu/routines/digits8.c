#include <stdint.h>
#include <string.h>

#define PIXELS 3

#include "weights_digits8_unit2.inc"
#include "product_block.inc"

int32_t graphopt_digits8(const void *block, const void *weights, void *out,
                         const void *multipliers, const void *bias, int32_t stride, int32_t offset,
                         int32_t channels, int32_t groups, int32_t chunk, int32_t ending) {
    (void)chunk;
    return products((const char *)block, weights, (char *)out, (const int32_t *)multipliers,
                    (const int32_t *)bias, stride, offset, channels, groups, ending);
}
