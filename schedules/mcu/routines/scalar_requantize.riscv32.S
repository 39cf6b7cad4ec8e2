# Sums to 8-bit integers, on RV32IM. scalar_requantize.c is the definition.
# a0 sums: i32 [n]; a1 multiplier: i32; a2 y: 8-bit; a3 n, positive; a4 the bytes from one multiplier
# to the next; a5 the bytes from one y to the next; a6 offset; a7 low; on the stack: high.
# 15 instructions an element.
#
# The upper word of x * m + 2^31 is that of x * m, and one more where bit 31 of the product is set.
# a3 end of the sums, a6 offset - low, t2 high - low.
    .text
    .balign 4
    .global graphopt_scalar_requantize
    .type graphopt_scalar_requantize, @function
graphopt_scalar_requantize:
    lw t2, 0(sp)
    sub t2, t2, a7
    sub a6, a6, a7
    slli a3, a3, 2
    add a3, a3, a0
1:  lw t0, 0(a0)
    lw t1, 0(a1)
    addi a0, a0, 4
    add a1, a1, a4
    mulh t3, t0, t1
    mul t0, t0, t1
    srli t0, t0, 31
    add t3, t3, a6
    add t0, t0, t3
    bltu t2, t0, 3f
2:  add t0, t0, a7
    sb t0, 0(a2)
    add a2, a2, a5
    bne a0, a3, 1b
    li a0, 0
    ret
3:  not t0, t0
    srai t0, t0, 31
    and t0, t0, t2
    j 2b
    .size graphopt_scalar_requantize, . - graphopt_scalar_requantize
