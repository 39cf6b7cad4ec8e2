# Weights of 8 bits, which fill 8 bytes. scalar_dots_w8.c is the definition.
.include "scalar_dots.riscv32.inc"

.macro product first, second, at
    lbu t1, \at(a1)
    lbu s3, \at + 1(a1)
    mul t1, t1, t0
    mul s3, s3, t0
    add \first, \first, t1
    add \second, \second, s3
.endm

.macro step at
    product t2, t3, \at
    product t4, t5, \at + 2
    product t6, a7, \at + 4
    product s0, s1, \at + 6
.endm

    begin graphopt_scalar_dots_w8
    steps 8
    end graphopt_scalar_dots_w8
