@ Sums to 8-bit integers on cores without a 64-bit product (Armv6-M).
@ scalar_requantize.c is its definition.
@
@ r0 sums: i32 [n]; r1 multiplier: i32; r2 y: 8-bit; r3 n, positive; then on the stack: the bytes
@ from one multiplier to the next, the bytes from one y to the next, offset, low, high.
@ 29.5 instructions an element: two in each round of the loop, of an odd number one in the first.
@
@ The product in halves: x * m = (xh * mh << 32) + (xh * ml + xl * mh << 16) + xl * ml. No sum
@ below overflows: xh * ml + (xl * ml >> 16) <= 2^31 - 2^15 - 1 leaves room for the rounding 2^15.
@
@ r8 bytes to the next multiplier, r9 2^15, r10 offset - low, r11 high - low, r12 low, lr bytes to
@ the next y, [sp] end of the sums; r3 to r7 free.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_requantize
    .type graphopt_scalar_requantize, %function
    .thumb_func
graphopt_scalar_requantize:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
    lsls r4, r3, #2
    adds r4, r0, r4
    push {r4}
    ldr r4, [sp, #40]
    mov r8, r4
    ldr r4, [sp, #44]
    mov lr, r4
    ldr r4, [sp, #48]
    ldr r5, [sp, #52]
    subs r4, r4, r5
    mov r10, r4
    mov r12, r5
    ldr r4, [sp, #56]
    subs r4, r4, r5
    mov r11, r4
    movs r4, #1
    lsls r4, r4, #15
    mov r9, r4

.macro element
    ldmia r0!, {r4}
    ldr r5, [r1]
    add r1, r8
    uxth r7, r4
    asrs r4, r4, #16
    asrs r6, r5, #16
    uxth r5, r5
    mov r3, r7
    muls r7, r5, r7
    lsrs r7, r7, #16
    muls r5, r4, r5
    adds r5, r5, r7
    add r5, r9
    muls r4, r6, r4
    muls r3, r6, r3
    uxth r6, r5
    adds r3, r3, r6
    asrs r3, r3, #16
    asrs r5, r5, #16
    adds r4, r4, r3
    adds r4, r4, r5
    add r4, r10
    cmp r4, r11
    bls 9f
    mvns r4, r4
    asrs r4, r4, #31
    mov r7, r11
    ands r4, r7
9:  add r4, r12
    strb r4, [r2]
    add r2, lr
.endm

    lsls r3, r3, #31
    bmi 2f
1:  element
2:  element
    ldr r7, [sp]
    cmp r0, r7
    bne 1b

    pop {r3}
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    movs r0, #0
    pop {r4-r7, pc}
    .size graphopt_scalar_requantize, . - graphopt_scalar_requantize
