#include <stdint.h>
#include <string.h>

#define PIXELS 3
#define ELEMENT(b) (int16_t)((b) - ((b) > 127 ? 256 : 0))

#include "widen_block.inc"

int32_t graphopt_widen3_i8(const void *bytes, void *block, int32_t step, int32_t position,
                           int32_t groups) {
    return widen((const uint8_t *)bytes, (char *)block, step, position, groups);
}
