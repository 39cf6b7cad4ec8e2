@ Copies bytes that lie apart, on Armv6-M. scalar_gather.c is its definition.
@ r0 to: u8 [n]; r1 from: u8; r2 n; r3 the bytes from one to the next; on the stack: flip, of which
@ the set bits are inverted. 4.8 instructions a byte.
    .syntax unified
    .text
    .balign 4
    .global graphopt_scalar_gather
    .type graphopt_scalar_gather, %function
    .thumb_func
graphopt_scalar_gather:
    push {r4, r5, lr}
    ldr r5, [sp, #12]

.macro element at
    ldrb r4, [r1]
    adds r1, r1, r3
    eors r4, r4, r5
    strb r4, [r0, #\at]
.endm

    subs r2, r2, #4
    blt 2f
1:  element 0
    element 1
    element 2
    element 3
    adds r0, r0, #4
    subs r2, r2, #4
    bge 1b
2:  adds r2, r2, #4
    ble 4f
3:  element 0
    adds r0, r0, #1
    subs r2, r2, #1
    bne 3b
4:  movs r0, #0
    pop {r4, r5, pc}
    .size graphopt_scalar_gather, . - graphopt_scalar_gather
