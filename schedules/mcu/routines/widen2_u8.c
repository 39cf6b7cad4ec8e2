#include <stdint.h>

#define PIXELS 2
#define ELEMENT(b) ((int32_t)(b))

#include "widen_block.inc"

int32_t graphopt_widen2_u8(const void *bytes, void *block, int32_t step, int32_t position,
                           int32_t groups) {
    return widen((const uint8_t *)bytes, (int32_t *)block, step, position, groups);
}
