@ Copies u8 as i16 and returns the sum, on Armv6-M. scalar_widen_u8.c is its definition.
@ r0 to: i16 [n]; r1 from: u8 [n]; r2 n. 3.8 instructions an element.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_widen_u8
    .type graphopt_scalar_widen_u8, %function
    .thumb_func
graphopt_scalar_widen_u8:
    push {r4, lr}
    movs r3, #0
    subs r2, r2, #4
    blt 2f

.macro element at
    ldrb r4, [r1, #\at]
    strh r4, [r0, #2 * \at]
    adds r3, r3, r4
.endm

1:  element 0
    element 1
    element 2
    element 3
    adds r0, r0, #8
    adds r1, r1, #4
    subs r2, r2, #4
    bge 1b
2:  adds r2, r2, #4
    beq 4f
3:  element 0
    adds r0, r0, #2
    adds r1, r1, #1
    subs r2, r2, #1
    bne 3b
4:  movs r0, r3
    pop {r4, pc}
    .size graphopt_scalar_widen_u8, . - graphopt_scalar_widen_u8
