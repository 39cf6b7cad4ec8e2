# Moves rows of bytes upwards, on RV32I. move_rows.c is the definition.
# a0 destination; a1 source; a2 bytes of a row; a3 rows; a4 a5 distances of rows in destination and
# source. 20 instructions for 32 bytes where both places are words, else 6 for each byte.
    .text
    .balign 4
    .global graphopt_move_rows
    .type graphopt_move_rows, @function
graphopt_move_rows:
    sub a4, a4, a2
    sub a5, a5, a2
1:  mv t0, a2
    or t1, a0, a1
    andi t1, t1, 3
    bnez t1, 5f
    addi t0, t0, -32
    bltz t0, 3f
2:  lw t1, 0(a1)
    lw t2, 4(a1)
    lw t3, 8(a1)
    lw t4, 12(a1)
    sw t1, 0(a0)
    sw t2, 4(a0)
    sw t3, 8(a0)
    sw t4, 12(a0)
    lw t1, 16(a1)
    lw t2, 20(a1)
    lw t3, 24(a1)
    lw t4, 28(a1)
    sw t1, 16(a0)
    sw t2, 20(a0)
    sw t3, 24(a0)
    sw t4, 28(a0)
    addi a0, a0, 32
    addi a1, a1, 32
    addi t0, t0, -32
    bgez t0, 2b
3:  addi t0, t0, 28
    bltz t0, 4f
6:  lw t1, 0(a1)
    sw t1, 0(a0)
    addi a0, a0, 4
    addi a1, a1, 4
    addi t0, t0, -4
    bgez t0, 6b
4:  addi t0, t0, 4
5:  blez t0, 8f
7:  lbu t1, 0(a1)
    sb t1, 0(a0)
    addi a0, a0, 1
    addi a1, a1, 1
    addi t0, t0, -1
    bnez t0, 7b
8:  add a0, a0, a4
    add a1, a1, a5
    addi a3, a3, -1
    bnez a3, 1b
    li a0, 0
    ret
    .size graphopt_move_rows, . - graphopt_move_rows
