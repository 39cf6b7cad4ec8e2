# Weights of 16 bits, which fill 8 half-words. scalar_pairs_w16.c is the definition.
.include "scalar_windows.riscv32.inc"

.macro step at
    lhu ra, \at + 0(a1)
    lhu a2, \at + 2(a1)
    products t2, t3, s3, s4
    lhu ra, \at + 4(a1)
    lhu a2, \at + 6(a1)
    products t4, t5, s5, s6
    lhu ra, \at + 8(a1)
    lhu a2, \at + 10(a1)
    products t6, s0, s7, s8
    lhu ra, \at + 12(a1)
    lhu a2, \at + 14(a1)
    products s1, s2, s9, s10
.endm

    begin graphopt_scalar_pairs_w16
    steps 16
    end graphopt_scalar_pairs_w16
