@ Weights of 8 bits, which fill 8 bytes. scalar_dots_w8.c is the definition.
.include "scalar_dots.inc"

.macro product sum, at
    ldrb r3, [r1, #\at]
    muls r3, r2, r3
    add \sum, r3
.endm

.macro step at
    product r4, \at
    product r5, \at + 1
    product r8, \at + 2
    product r9, \at + 3
    product r10, \at + 4
    product r11, \at + 5
    product r12, \at + 6
    product lr, \at + 7
.endm

    begin graphopt_scalar_dots_w8
    steps 8
    end graphopt_scalar_dots_w8
