@ Weights of 4 bits: a byte holds those of two channels, the first in its low half.
@ byte = 16 * high + low: the sum of x * byte less 16 times that of x * high is that of x * low.
@ scalar_pairs_w4.c is the definition.
.include "scalar_pairs.inc"

.macro product low, high, at
    ldrb r3, [r1, #\at]
    lsrs r6, r3, #4
    muls r3, r2, r3
    add \low, r3
    muls r6, r2, r6
    add \high, r6
.endm

.macro step at
    product r4, r5, \at
    product r8, r9, \at + 1
    product r10, r11, \at + 2
    product r12, lr, \at + 3
.endm

    begin graphopt_scalar_pairs_w4
    steps 4
    uncarry r4, r5, 4
    uncarry r8, r9, 4
    uncarry r10, r11, 4
    uncarry r12, lr, 4
    end graphopt_scalar_pairs_w4
