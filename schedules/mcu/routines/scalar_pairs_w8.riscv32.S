# Weights of 8 bits, which fill 8 bytes. scalar_pairs_w8.c is the definition.
.include "scalar_windows.riscv32.inc"

.macro step at
    lbu ra, \at + 0(a1)
    lbu a2, \at + 1(a1)
    products t2, t3, s3, s4
    lbu ra, \at + 2(a1)
    lbu a2, \at + 3(a1)
    products t4, t5, s5, s6
    lbu ra, \at + 4(a1)
    lbu a2, \at + 5(a1)
    products t6, s0, s7, s8
    lbu ra, \at + 6(a1)
    lbu a2, \at + 7(a1)
    products s1, s2, s9, s10
.endm

    begin graphopt_scalar_pairs_w8
    steps 8
    end graphopt_scalar_pairs_w8
