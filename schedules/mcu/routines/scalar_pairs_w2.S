@ Weights of 2 bits: a byte holds those of four channels, the first in its lowest bits.
@ The sum of x * byte less 4 times that of x * (byte >> 2) is that of the first channel, and so on.
@ scalar_pairs_w2.c is the definition.
.include "scalar_pairs.inc"

.macro product first, second, third, fourth, at
    ldrb r3, [r1, #\at]
    lsrs r6, r3, #2
    muls r6, r2, r6
    add \second, r6
    lsrs r6, r3, #4
    muls r6, r2, r6
    add \third, r6
    lsrs r6, r3, #6
    muls r6, r2, r6
    add \fourth, r6
    muls r3, r2, r3
    add \first, r3
.endm

.macro step at
    product r4, r5, r8, r9, \at
    product r10, r11, r12, lr, \at + 1
.endm

    begin graphopt_scalar_pairs_w2
    steps 2
    uncarry r4, r5, 2
    uncarry r5, r8, 2
    uncarry r8, r9, 2
    uncarry r10, r11, 2
    uncarry r11, r12, 2
    uncarry r12, lr, 2
    end graphopt_scalar_pairs_w2
