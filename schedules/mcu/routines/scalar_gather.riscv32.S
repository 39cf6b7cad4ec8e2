# Copies bytes that lie apart, on RV32I. scalar_gather.c is the definition.
# a0 to: u8 [n]; a1 from: u8; a2 n; a3 the bytes from one to the next; a4 flip, of which the set bits
# are inverted. 4.8 instructions a byte.
    .text
    .balign 4
    .global graphopt_scalar_gather
    .type graphopt_scalar_gather, @function
graphopt_scalar_gather:

.macro element at
    lbu t0, 0(a1)
    add a1, a1, a3
    xor t0, t0, a4
    sb t0, \at(a0)
.endm

    addi a2, a2, -4
    bltz a2, 2f
1:  element 0
    element 1
    element 2
    element 3
    addi a0, a0, 4
    addi a2, a2, -4
    bgez a2, 1b
2:  addi a2, a2, 4
    blez a2, 4f
3:  element 0
    addi a0, a0, 1
    addi a2, a2, -1
    bnez a2, 3b
4:  li a0, 0
    ret
    .size graphopt_scalar_gather, . - graphopt_scalar_gather
