@ ((x * m + 2^31) >> 32) + offset on cores without a 64-bit product (Armv6-M).
@ scalar_rescale.c is its definition. r0 x, r1 m, r2 offset, result in r0. 24 instructions.
@ See scalar_requantize.S for the product in halves.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_rescale
    .type graphopt_scalar_rescale, %function
    .thumb_func
graphopt_scalar_rescale:
    push {r4, r5, lr}
    uxth r3, r0
    asrs r0, r0, #16
    asrs r4, r1, #16
    uxth r1, r1
    mov r5, r3
    muls r3, r1, r3
    lsrs r3, r3, #16
    muls r1, r0, r1
    adds r1, r1, r3
    movs r3, #1
    lsls r3, r3, #15
    adds r1, r1, r3
    muls r0, r4, r0
    muls r5, r4, r5
    uxth r4, r1
    adds r5, r5, r4
    asrs r5, r5, #16
    asrs r1, r1, #16
    adds r0, r0, r5
    adds r0, r0, r1
    adds r0, r0, r2
    pop {r4, r5, pc}
    .size graphopt_scalar_rescale, . - graphopt_scalar_rescale
