#include <stdint.h>

/* y[i * y_step] becomes the low byte of
   min(max(((sums[i] * m[i * m_step] + 2^31) >> 32) + offset, low), high);
   steps are in bytes, n is positive, and offset - low and high - low fit 31 bits. */
int32_t graphopt_scalar_requantize(const int32_t *sums, const int32_t *m, uint8_t *y, int32_t n,
                                   int32_t m_step, int32_t y_step, int32_t offset, int32_t low,
                                   int32_t high) {
  for (int32_t i = 0; i < n; i++) {
    int64_t product = (int64_t)sums[i] * m[i * (m_step / 4)];
    int32_t t = (int32_t)((product + INT64_C(0x80000000)) >> 32) + offset;
    t = t < low ? low : t;
    t = t > high ? high : t;
    y[i * y_step] = (uint8_t)t;
  }
  return 0;
}
