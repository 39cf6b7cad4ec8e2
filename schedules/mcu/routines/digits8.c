#include <stdint.h>
#include <string.h>

#define PIXELS 3

/*
 * Weights of 8 bits. For each pair of channels, for each group of 4 taps, two words: taps 0 and 2,
 * then taps 1 and 3. Each half of a word is 256 * w[c + 1] + w[c] + 128. Taps are numbered in that
 * order here.
 */
static int32_t weight(const void *weights, int32_t groups, int32_t channel, int32_t tap) {
    const int32_t half = ((const int16_t *)weights)[channel / 2 * groups * 4 + tap];
    const int32_t low = (half & 255) - 128;
    return channel % 2 ? (half - low - 128) / 256 : low;
}

#include "product_block.inc"

int32_t graphopt_digits8(const void *block, const void *weights, void *out,
                         const void *multipliers, const void *bias, int32_t stride, int32_t offset,
                         int32_t step, int32_t channels, int32_t groups, int32_t chunk,
                         int32_t ending) {
    (void)chunk;
    return products((const int32_t *)block, weights, out, (const int32_t *)multipliers,
                    (const int32_t *)bias, stride, offset, step, channels, groups, ending);
}
