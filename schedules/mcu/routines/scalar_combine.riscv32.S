# Two windows as words of both, on RV32I. scalar_combine.c is the definition.
# a0 to: i32 [n]; a1 first: i16 [n]; a2 second: i16 [n]; a3 n, positive. 9 instructions an element.
    .text
    .balign 4
    .global graphopt_scalar_combine
    .type graphopt_scalar_combine, @function
graphopt_scalar_combine:
    slli a3, a3, 1
    add a3, a3, a1
1:  lh t0, 0(a1)
    lh t1, 0(a2)
    slli t1, t1, 16
    add t0, t0, t1
    sw t0, 0(a0)
    addi a0, a0, 4
    addi a1, a1, 2
    addi a2, a2, 2
    bne a1, a3, 1b
    li a0, 0
    ret
    .size graphopt_scalar_combine, . - graphopt_scalar_combine
