@ Sums of products for one pixel and blocks of 8 channels, on cores without a DSP (Armv6-M).
@ scalar_dots_w4.c is its definition.
@
@ r0 x: i16 [k]; r1 w: u8 [blocks][k][4]; r2 bias: i32 [blocks][8]; r3 sums: i32 [blocks][8], which
@ may be the bias; then on the stack: k, a multiple of 4, blocks, start.
@ A byte holds the weights of two channels, the first in its low half: byte = 16 * high + low. The
@ sum of x * byte less 16 times the sum of x * high is the sum of x * low.
@ 3.31 instructions a product.
@
@ r0 end of x, r7 the negative distance to it, r1 w, r2 x, r3 and r6 free;
@ sums 0 to 7: r4, r5, r8, r9, r10, r11, r12, lr.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_dots_w4
    .type graphopt_scalar_dots_w4, %function
    .thumb_func
graphopt_scalar_dots_w4:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
    ldr r4, [sp, #36]
    lsls r4, r4, #1
    adds r0, r0, r4
    rsbs r4, r4, #0
    push {r2-r4}

.macro pair low, high, at
    ldrb r3, [r1, #\at]
    lsrs r6, r3, #4
    muls r3, r2, r3
    add \low, r3
    muls r6, r2, r6
    add \high, r6
.endm

.macro step at
    ldrsh r2, [r0, r7]
    pair r4, r5, \at
    pair r8, r9, \at + 1
    pair r10, r11, \at + 2
    pair r12, lr, \at + 3
.endm

1:  ldr r2, [sp]
    ldr r3, [sp, #56]
    ldmia r2!, {r4-r7}
    adds r4, r4, r3
    adds r5, r5, r3
    adds r6, r6, r3
    adds r7, r7, r3
    lsls r3, r5, #4
    adds r4, r4, r3
    lsls r3, r7, #4
    adds r6, r6, r3
    mov r8, r6
    mov r9, r7
    ldr r3, [sp, #56]
    ldmia r2!, {r6, r7}
    adds r6, r6, r3
    adds r7, r7, r3
    lsls r3, r7, #4
    adds r6, r6, r3
    mov r10, r6
    mov r11, r7
    ldr r3, [sp, #56]
    ldmia r2!, {r6, r7}
    str r2, [sp]
    adds r6, r6, r3
    adds r7, r7, r3
    lsls r3, r7, #4
    adds r6, r6, r3
    mov r12, r6
    mov lr, r7
    ldr r7, [sp, #8]
2:  step 0
    adds r7, r7, #2
    step 4
    adds r7, r7, #2
    step 8
    adds r7, r7, #2
    step 12
    adds r1, r1, #16
    adds r7, r7, #2
    bne 2b

    ldr r6, [sp, #4]
    lsls r3, r5, #4
    subs r4, r4, r3
    stmia r6!, {r4, r5}
    mov r2, r8
    mov r3, r9
    lsls r4, r3, #4
    subs r2, r2, r4
    stmia r6!, {r2, r3}
    mov r2, r10
    mov r3, r11
    lsls r4, r3, #4
    subs r2, r2, r4
    stmia r6!, {r2, r3}
    mov r2, r12
    mov r3, lr
    lsls r4, r3, #4
    subs r2, r2, r4
    stmia r6!, {r2, r3}
    str r6, [sp, #4]
    ldr r3, [sp, #52]
    subs r3, r3, #1
    str r3, [sp, #52]
    beq 3f
    b 1b
3:  pop {r2-r4}
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    movs r0, #0
    pop {r4-r7, pc}
    .size graphopt_scalar_dots_w4, . - graphopt_scalar_dots_w4
