# Copies u8 as i16 and returns the sum, on RV32I. scalar_widen_u8.c is the definition.
# a0 to: i16 [n]; a1 from: u8 [n]; a2 n. 3.8 instructions an element.
    .text
    .balign 4
    .global graphopt_scalar_widen_u8
    .type graphopt_scalar_widen_u8, @function
graphopt_scalar_widen_u8:
    li a3, 0

.macro element at
    lbu t0, \at(a1)
    sh t0, 2 * \at(a0)
    add a3, a3, t0
.endm

    addi a2, a2, -4
    bltz a2, 2f
1:  element 0
    element 1
    element 2
    element 3
    addi a0, a0, 8
    addi a1, a1, 4
    addi a2, a2, -4
    bgez a2, 1b
2:  addi a2, a2, 4
    beqz a2, 4f
3:  element 0
    addi a0, a0, 2
    addi a1, a1, 1
    addi a2, a2, -1
    bnez a2, 3b
4:  mv a0, a3
    ret
    .size graphopt_scalar_widen_u8, . - graphopt_scalar_widen_u8
