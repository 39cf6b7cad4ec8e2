@ Weights of 16 bits, which fill 8 half-words. scalar_dots_w16.c is the definition.
.include "scalar_dots.inc"

.macro product sum, at
    ldrh r3, [r1, #\at]
    muls r3, r2, r3
    add \sum, r3
.endm

.macro step at
    product r4, \at
    product r5, \at + 2
    product r8, \at + 4
    product r9, \at + 6
    product r10, \at + 8
    product r11, \at + 10
    product r12, \at + 12
    product lr, \at + 14
.endm

    begin graphopt_scalar_dots_w16
    steps 16
    end graphopt_scalar_dots_w16
