# Weights of 16 bits, which fill 8 half-words. scalar_dots_w16.c is the definition.
.include "scalar_dots.riscv32.inc"

.macro product first, second, at
    lhu t1, \at(a1)
    lhu s3, \at + 2(a1)
    mul t1, t1, t0
    mul s3, s3, t0
    add \first, \first, t1
    add \second, \second, s3
.endm

.macro step at
    product t2, t3, \at
    product t4, t5, \at + 4
    product t6, a7, \at + 8
    product s0, s1, \at + 12
.endm

    begin graphopt_scalar_dots_w16
    steps 16
    end graphopt_scalar_dots_w16
