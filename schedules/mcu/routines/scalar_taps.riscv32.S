# Sums of one channel's window for rows of neighbouring pixels, on RV32IM.
# scalar_taps.c is the definition.
#
# a0 x: u8; a1 taps: i32 [n]; a2 sums: i32 [rows][columns], and room for 7 more; a3 n; a4 columns;
# a5 rows; a6 row_step; a7 start. Each tap holds its weight in the upper half, and in the lower one
# how many bytes its x lies after that of the tap before it.
# 3.75 instructions a product: one load of a weight serves 8 pixels, fewer at the end of a row, where
# each tap jumps over the first of its pairs of products, which take 24 bytes each.
#
# a0 x of the row, s4 x of the block, s5 x of the tap, a3 end of the taps, t0 tap, t1 weight,
# s3 and s6 free, s7 where a tap jumps to, ra columns left; sums 0 to 7: t2 to t6, s0, s1, s2.
    .text
    .balign 4
    .global graphopt_scalar_taps
    .type graphopt_scalar_taps, @function
graphopt_scalar_taps:
    addi sp, sp, -48
    sw ra, 0(sp)
    sw s0, 4(sp)
    sw s1, 8(sp)
    sw s2, 12(sp)
    sw s3, 16(sp)
    sw s4, 20(sp)
    sw s5, 24(sp)
    sw s6, 28(sp)
    sw s7, 32(sp)
    slli a3, a3, 2
    add a3, a3, a1

.macro product first, second, at
    lbu s3, \at(s5)
    lbu s6, \at + 1(s5)
    mul s3, s3, t1
    mul s6, s6, t1
    add \first, \first, s3
    add \second, \second, s6
.endm

1:  mv s4, a0
    mv ra, a4
2:  mv s5, s4
    mv t0, a1
    li t1, 8
    blt t1, ra, 3f
    addi t1, ra, 1
    andi t1, t1, -2
3:  slli s3, t1, 3
    slli s6, t1, 2
    add s3, s3, s6
    lla s7, 5f
    sub s7, s7, s3
    mv t2, a7
    mv t3, a7
    mv t4, a7
    mv t5, a7
    mv t6, a7
    mv s0, a7
    mv s1, a7
    mv s2, a7
4:  lh t1, 0(t0)
    add s5, s5, t1
    lh t1, 2(t0)
    addi t0, t0, 4
    jr s7
    .option push
    .option norvc
    product s1, s2, 6
    product t6, s0, 4
    product t4, t5, 2
    product t2, t3, 0
    .option pop
5:  bne t0, a3, 4b

    sw t2, 0(a2)
    sw t3, 4(a2)
    sw t4, 8(a2)
    sw t5, 12(a2)
    sw t6, 16(a2)
    sw s0, 20(a2)
    sw s1, 24(a2)
    sw s2, 28(a2)
    addi a2, a2, 32
    addi s4, s4, 8
    addi ra, ra, -8
    bgtz ra, 2b
    slli ra, ra, 2
    add a2, a2, ra
    add a0, a0, a6
    addi a5, a5, -1
    bnez a5, 1b

    lw ra, 0(sp)
    lw s0, 4(sp)
    lw s1, 8(sp)
    lw s2, 12(sp)
    lw s3, 16(sp)
    lw s4, 20(sp)
    lw s5, 24(sp)
    lw s6, 28(sp)
    lw s7, 32(sp)
    addi sp, sp, 48
    li a0, 0
    ret
    .size graphopt_scalar_taps, . - graphopt_scalar_taps
