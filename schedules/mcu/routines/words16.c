#include <stdint.h>
#include <string.h>

#define PIXELS 3

/*
 * Weights of 16 bits. For each pair of channels, for each group of 4 taps, four words: taps 0 and 2
 * of each channel, then taps 1 and 3. Taps are numbered in that order here.
 */
static int32_t weight(const void *weights, int32_t groups, int32_t channel, int32_t tap) {
    const int32_t word = (channel / 2 * groups * 2 + tap / 2) * 2 + channel % 2;
    return ((const int16_t *)weights)[2 * word + tap % 2];
}

#include "product_block.inc"

int32_t graphopt_words16(const void *block, const void *weights, void *out,
                         const void *multipliers, const void *bias, int32_t stride, int32_t offset,
                         int32_t step, int32_t channels, int32_t groups, int32_t chunk,
                         int32_t ending) {
    (void)chunk;
    return products((const int32_t *)block, weights, out, (const int32_t *)multipliers,
                    (const int32_t *)bias, stride, offset, step, channels, groups, ending);
}
