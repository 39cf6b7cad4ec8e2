# Weights of 2 bits: a byte holds those of four channels, the first in its lowest bits.
# The sum of x * byte less 4 times that of x * (byte >> 2) is that of the first channel, and so on.
# scalar_pairs_w2.c is the definition.
.include "scalar_pairs.riscv32.inc"

.macro shifted sum, bits
    srli s3, t1, \bits
    mul s3, s3, t0
    add \sum, \sum, s3
.endm

.macro product first, second, third, fourth, at
    lbu t1, \at(a1)
    shifted \second, 2
    shifted \third, 4
    shifted \fourth, 6
    mul t1, t1, t0
    add \first, \first, t1
.endm

.macro step at
    product t2, t3, t4, t5, \at
    product t6, s0, s1, s4, \at + 1
.endm

    begin graphopt_scalar_pairs_w2
    steps 2
    uncarry t2, t3, 2
    uncarry t3, t4, 2
    uncarry t4, t5, 2
    uncarry t6, s0, 2
    uncarry s0, s1, 2
    uncarry s1, s4, 2
    end graphopt_scalar_pairs_w2
