@ Sums of one channel's window for rows of neighbouring pixels, on Armv6-M.
@ scalar_taps.c is its definition.
@
@ r0 x: u8; r1 taps: i32 [n]; r2 sums: i32 [rows][columns], and room for 7 more; r3 n; then on the
@ stack: columns, rows, row_step, start. Each tap holds its weight in the upper half, and in the
@ lower one how many bytes its x lies after that of the tap before it.
@ 3.88 instructions a product: one load of a weight serves 8 pixels, fewer at the end of a row,
@ where each tap jumps over the first of its products, which take 6 bytes each.
@
@ r0 x, r1 taps, r2 weight, r3 free, r6 end of the taps, r7 where a tap jumps to;
@ sums 0 to 7: r4, r5, r8, r9, r10, r11, r12, lr.
@ [sp] x of the block, [sp, #4] taps, [sp, #8] sums, [sp, #12] columns left, [sp, #16] x of the row.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_taps
    .type graphopt_scalar_taps, %function
    .thumb_func
graphopt_scalar_taps:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
    lsls r3, r3, #2
    adds r6, r1, r3
    sub sp, #20
    str r1, [sp, #4]
    str r2, [sp, #8]
    str r0, [sp, #16]

.macro product sum, at
    ldrb r3, [r0, #\at]
    muls r3, r2, r3
    add \sum, r3
.endm

1:  ldr r0, [sp, #16]
    ldr r3, [sp, #56]
    str r3, [sp, #12]
2:  str r0, [sp]
    movs r2, #8
    cmp r3, r2
    ble 3f
    movs r3, r2
3:  adr r7, 4f
    adds r7, r7, #10 + 8 * 6
    movs r2, #6
    muls r3, r2, r3
    subs r7, r7, r3
    ldr r4, [sp, #68]
    mov r5, r4
    mov r8, r4
    mov r9, r4
    mov r10, r4
    mov r11, r4
    mov r12, r4
    mov lr, r4
    ldr r1, [sp, #4]
    .balign 4
4:  ldmia r1!, {r2}
    sxth r3, r2
    asrs r2, r2, #16
    adds r0, r0, r3
    mov pc, r7
    product lr, 7
    product r12, 6
    product r11, 5
    product r10, 4
    product r9, 3
    product r8, 2
    product r5, 1
    product r4, 0
    cmp r1, r6
    bne 4b

    ldr r7, [sp, #8]
    mov r2, r8
    mov r3, r9
    stmia r7!, {r4, r5}
    stmia r7!, {r2, r3}
    mov r2, r10
    mov r3, r11
    mov r4, r12
    mov r5, lr
    stmia r7!, {r2-r5}
    ldr r0, [sp]
    adds r0, r0, #8
    ldr r3, [sp, #12]
    subs r3, r3, #8
    ble 5f
    str r3, [sp, #12]
    str r7, [sp, #8]
    b 2b
5:  lsls r3, r3, #2
    adds r7, r7, r3
    str r7, [sp, #8]
    ldr r0, [sp, #16]
    ldr r3, [sp, #64]
    adds r0, r0, r3
    str r0, [sp, #16]
    ldr r3, [sp, #60]
    subs r3, r3, #1
    str r3, [sp, #60]
    bne 1b

    add sp, #20
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    movs r0, #0
    pop {r4-r7, pc}
    .size graphopt_scalar_taps, . - graphopt_scalar_taps
