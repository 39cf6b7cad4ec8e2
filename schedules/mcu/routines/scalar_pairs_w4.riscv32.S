# Weights of 4 bits: a byte holds those of two channels, the first in its low half.
# byte = 16 * high + low: the sum of x * byte less 16 times that of x * high is that of x * low.
# scalar_pairs_w4.c is the definition.
.include "scalar_pairs.riscv32.inc"

.macro product low, high, at
    lbu t1, \at(a1)
    srli s3, t1, 4
    mul t1, t1, t0
    mul s3, s3, t0
    add \low, \low, t1
    add \high, \high, s3
.endm

.macro step at
    product t2, t3, \at
    product t4, t5, \at + 1
    product t6, s0, \at + 2
    product s1, s4, \at + 3
.endm

    begin graphopt_scalar_pairs_w4
    steps 4
    uncarry t2, t3, 4
    uncarry t4, t5, 4
    uncarry t6, s0, 4
    uncarry s1, s4, 4
    end graphopt_scalar_pairs_w4
