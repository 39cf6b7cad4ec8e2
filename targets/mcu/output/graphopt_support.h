/* What kernels compiled by graphopt to C are written in: C99 for GCC, Clang and compilers that take
 * their extensions. Arithmetic wraps. The instructions of Arm's DSP extension are used where the
 * compiler has it. */
#ifndef GRAPHOPT_SUPPORT_H
#define GRAPHOPT_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Memory that may have been declared as any type, and may start at any multiple of 4 bytes. */
typedef bool graphopt_bool __attribute__((may_alias));
typedef int16_t graphopt_int16_t __attribute__((may_alias));
typedef uint16_t graphopt_uint16_t __attribute__((may_alias));
typedef int32_t graphopt_int32_t __attribute__((may_alias));
typedef uint32_t graphopt_uint32_t __attribute__((may_alias));
typedef float graphopt_float __attribute__((may_alias));
typedef int64_t graphopt_int64_t __attribute__((may_alias, aligned(4)));
typedef uint64_t graphopt_uint64_t __attribute__((may_alias, aligned(4)));
typedef double graphopt_double __attribute__((may_alias, aligned(4)));

/* a + b, a - b, a * b and a << b, modulo the range of their type. */
#define GRAPHOPT_WRAPPING(suffix, type, wide)                                                      \
    static inline type graphopt_add_##suffix(type a, type b)                                       \
    {                                                                                              \
        return (type)((wide)a + (wide)b);                                                          \
    }                                                                                              \
    static inline type graphopt_sub_##suffix(type a, type b)                                       \
    {                                                                                              \
        return (type)((wide)a - (wide)b);                                                          \
    }                                                                                              \
    static inline type graphopt_mul_##suffix(type a, type b)                                       \
    {                                                                                              \
        return (type)((wide)a * (wide)b);                                                          \
    }                                                                                              \
    static inline type graphopt_shl_##suffix(type a, type b)                                       \
    {                                                                                              \
        return (type)((wide)a << b);                                                               \
    }

GRAPHOPT_WRAPPING(i8, int8_t, uint32_t)
GRAPHOPT_WRAPPING(u8, uint8_t, uint32_t)
GRAPHOPT_WRAPPING(i16, int16_t, uint32_t)
GRAPHOPT_WRAPPING(u16, uint16_t, uint32_t)
GRAPHOPT_WRAPPING(i32, int32_t, uint32_t)
GRAPHOPT_WRAPPING(i64, int64_t, uint64_t)

/* Stands in loops that machine code should not unroll. */
static inline int32_t graphopt_rolled(void)
{
    return 0;
}

/* At most 16 bytes, all read before the first is written. */
static inline int32_t graphopt_copy(void *to, const void *from, int32_t nbytes)
{
    uint8_t block[16];

    __builtin_memcpy(block, from, (uint32_t)nbytes);
    __builtin_memcpy(to, block, (uint32_t)nbytes);
    return 0;
}

/* The bits of a number as those of another type of the same size. */
#define GRAPHOPT_BITS(from, from_type, to, to_type)                                                \
    static inline to_type graphopt_bits_##from##_##to(from_type x)                                 \
    {                                                                                              \
        to_type y;                                                                                 \
        __builtin_memcpy(&y, &x, sizeof y);                                                        \
        return y;                                                                                  \
    }

GRAPHOPT_BITS(int32, int32_t, float32, float)
GRAPHOPT_BITS(float32, float, int32, int32_t)
GRAPHOPT_BITS(uint32, uint32_t, float32, float)
GRAPHOPT_BITS(float32, float, uint32, uint32_t)
GRAPHOPT_BITS(int64, int64_t, float64, double)
GRAPHOPT_BITS(uint64, uint64_t, float64, double)
GRAPHOPT_BITS(float64, double, int64, int64_t)

/* Without the sign, zeros and NaN included. */
static inline float graphopt_abs_float32(float x)
{
    return graphopt_bits_uint32_float32(graphopt_bits_float32_uint32(x) & 0x7fffffffu);
}

static inline double graphopt_abs_float64(double x)
{
    return graphopt_bits_int64_float64(graphopt_bits_float64_int64(x) & INT64_MAX);
}

/* The word rotated to the right by 1 to 31 bits. */
static inline int32_t graphopt_rotate(int32_t word, int32_t bits)
{
    return (int32_t)((uint32_t)word >> bits | (uint32_t)word << (32 - bits));
}

/* The signed halves of a word. */
static inline int32_t graphopt_low(int32_t word)
{
    return (int16_t)(uint16_t)word;
}

static inline int32_t graphopt_high(int32_t word)
{
    return (int16_t)(uint16_t)((uint32_t)word >> 16);
}

/* Each function below is one instruction of the DSP extension; elsewhere it is what stands as the
 * instruction's meaning. */
#if defined(__ARM_FEATURE_SIMD32)
#define GRAPHOPT_PRODUCTS(name, sum)                                                               \
    int32_t result;                                                                                \
    __asm__(name " %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(total));                   \
    return result
#define GRAPHOPT_HALVES(name, low, high)                                                           \
    int32_t result;                                                                                \
    __asm__(name " %0, %1" : "=r"(result) : "r"(word));                                            \
    return result
#else
#define GRAPHOPT_PRODUCTS(name, sum) return (int32_t)((uint32_t)total + (sum))
#define GRAPHOPT_HALVES(name, low, high)                                                           \
    return (int32_t)((uint32_t)(uint16_t)(high) << 16 | (uint16_t)(low))
#endif
#define GRAPHOPT_PRODUCT(first, second) (uint32_t)(graphopt_##first(a) * graphopt_##second(b))

static inline int32_t graphopt_smlad(int32_t a, int32_t b, int32_t total)
{
    GRAPHOPT_PRODUCTS("smlad", GRAPHOPT_PRODUCT(low, low) + GRAPHOPT_PRODUCT(high, high));
}

static inline int32_t graphopt_smladx(int32_t a, int32_t b, int32_t total)
{
    GRAPHOPT_PRODUCTS("smladx", GRAPHOPT_PRODUCT(low, high) + GRAPHOPT_PRODUCT(high, low));
}

static inline int32_t graphopt_smlabb(int32_t a, int32_t b, int32_t total)
{
    GRAPHOPT_PRODUCTS("smlabb", GRAPHOPT_PRODUCT(low, low));
}

static inline int32_t graphopt_smlabt(int32_t a, int32_t b, int32_t total)
{
    GRAPHOPT_PRODUCTS("smlabt", GRAPHOPT_PRODUCT(low, high));
}

static inline int32_t graphopt_smlatb(int32_t a, int32_t b, int32_t total)
{
    GRAPHOPT_PRODUCTS("smlatb", GRAPHOPT_PRODUCT(high, low));
}

static inline int32_t graphopt_smlatt(int32_t a, int32_t b, int32_t total)
{
    GRAPHOPT_PRODUCTS("smlatt", GRAPHOPT_PRODUCT(high, high));
}

/* Bytes 0 and 2 as signed halves, and as unsigned ones. */
static inline int32_t graphopt_sxtb16(int32_t word)
{
    GRAPHOPT_HALVES("sxtb16", (int8_t)(uint8_t)word, (int8_t)(uint8_t)((uint32_t)word >> 16));
}

static inline int32_t graphopt_uxtb16(int32_t word)
{
    GRAPHOPT_HALVES("uxtb16", (uint8_t)word, (uint8_t)((uint32_t)word >> 16));
}

/* x within the range of signed, and of unsigned, integers of so many bits, at most 31. */
static inline int32_t graphopt_ssat(int32_t x, int32_t bits)
{
    const int32_t high = (int32_t)((1u << (bits - 1)) - 1);

    return x > high ? high : x < -high - 1 ? -high - 1 : x;
}

static inline int32_t graphopt_usat(int32_t x, int32_t bits)
{
    const int32_t high = (int32_t)((1u << bits) - 1);

    return x > high ? high : x < 0 ? 0 : x;
}

#endif
