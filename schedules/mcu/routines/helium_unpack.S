@ int32_t graphopt_helium_unpack(const int8_t *from, int8_t *to, int32_t nbytes, int32_t bits);
@
@ Meaning: helium_unpack.c. 7 instructions for 32 numbers of 4 bits, 13 for 64 of 2.

    .syntax unified
    .thumb
    .section .text.graphopt_helium_unpack, "ax", %progbits
    .balign 4
    .globl graphopt_helium_unpack
    .type graphopt_helium_unpack, %function
    .thumb_func
graphopt_helium_unpack:
    push {r4, lr}
    lsrs r2, r2, #4
    cmp r3, #2
    beq 2f
    wls lr, r2, 3f
1:  vldrb.u8 q0, [r0], #16
    vshl.i8 q1, q0, #4
    vshr.s8 q1, q1, #4
    vstrb.8 q1, [r1], #16
    vshr.s8 q0, q0, #4
    vstrb.8 q0, [r1], #16
    le lr, 1b
    b 3f
2:  wls lr, r2, 3f
4:  vldrb.u8 q0, [r0], #16
    vshl.i8 q1, q0, #6
    vshr.s8 q1, q1, #6
    vstrb.8 q1, [r1], #16
    vshl.i8 q2, q0, #4
    vshr.s8 q2, q2, #6
    vstrb.8 q2, [r1], #16
    vshl.i8 q3, q0, #2
    vshr.s8 q3, q3, #6
    vstrb.8 q3, [r1], #16
    vshr.s8 q0, q0, #6
    vstrb.8 q0, [r1], #16
    le lr, 4b
3:  movs r0, #0
    pop {r4, pc}
    .size graphopt_helium_unpack, . - graphopt_helium_unpack
