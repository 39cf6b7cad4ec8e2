@ Two windows as words of both, on Armv6-M. scalar_combine.c is the definition.
@ r0 to: i32 [n]; r1 first: i16 [n]; r2 second: i16 [n]; r3 n, positive. 7 instructions an element.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_combine
    .type graphopt_scalar_combine, %function
    .thumb_func
graphopt_scalar_combine:
    push {r4, r5, lr}
    lsls r3, r3, #1
    adds r1, r1, r3
    adds r2, r2, r3
    rsbs r3, r3, #0
1:  ldrsh r4, [r1, r3]
    ldrsh r5, [r2, r3]
    lsls r5, r5, #16
    adds r4, r4, r5
    stmia r0!, {r4}
    adds r3, r3, #2
    bne 1b
    movs r0, #0
    pop {r4, r5, pc}
    .size graphopt_scalar_combine, . - graphopt_scalar_combine
