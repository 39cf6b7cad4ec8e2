#include <stdint.h>

/*
 * Products of 3 pixels with output channels, weights of 8 bits: for each channel c and pixel p
 *
 *     sum[c][p] = bias[c] + sum over k of x[p][k] * w[c][k]
 *
 * block: the sum of x of each pixel, then for each group of 4 taps 6 words: of each pixel the taps
 * 0 and 2 as halves of a word, then of each pixel the taps 1 and 3.
 * weights: for each pair of channels, for each group of taps, two words: taps 0 and 2, taps 1 and
 * 3. Each half is 256 * w[c + 1] + w[c] + 128.
 * chunk: how many groups may be summed until the upper channel leaves 24 bits; a multiple of 8.
 * out: with ending 0 (int8) and 1 (uint8) it gets offset + ((sum * multiplier + 2^31) >> 32),
 * saturated; channels are neighbours and pixels `stride` apart. With ending 2 it gets the sums
 * themselves, int32, of 3 pixels for each channel.
 * step: how many bytes multipliers are apart: 4, or 0 where one serves all channels.
 * channels: an even number.
 */
int32_t graphopt_digits8(const void *block, const void *weights, int32_t groups, int32_t chunk,
                         void *out, int32_t stride, int32_t offset, const void *multipliers,
                         const void *bias, int32_t step, int32_t channels, int32_t ending) {
    const int32_t *x = (const int32_t *)block;
    const int16_t *halves = (const int16_t *)weights;
    const int16_t *taps = (const int16_t *)(x + 3);
    (void)chunk;
    for (int32_t c = 0; c < channels; c++) {
        const int16_t *w = halves + (c / 2) * groups * 4;
        const int64_t factor = ((const int32_t *)multipliers)[c * step / 4 * (ending != 2)];
        for (int32_t p = 0; p < 3; p++) {
            uint32_t sum = ((const uint32_t *)bias)[c];
            for (int32_t i = 0; i < groups * 4; i++) {
                const int32_t low = (w[i] & 255) - 128;
                const int32_t digit = c % 2 ? (w[i] - low - 128) / 256 : low;
                sum += (uint32_t)(taps[i / 2 * 6 + 2 * p + i % 2] * digit);
            }
            const int32_t total = (int32_t)sum;
            int64_t scaled = offset + ((total * factor + 0x80000000LL) >> 32);
            if (ending == 2) {
                ((int32_t *)out)[c * 3 + p] = total;
            } else if (ending == 1) {
                scaled = scaled < 0 ? 0 : scaled > 255 ? 255 : scaled;
                ((uint8_t *)out)[p * stride + c] = (uint8_t)scaled;
            } else {
                scaled = scaled < -128 ? -128 : scaled > 127 ? 127 : scaled;
                ((int8_t *)out)[p * stride + c] = (int8_t)scaled;
            }
        }
    }
    return 0;
}
