@ int32_t graphopt_helium_short(const int8_t *x, const int8_t *w, const int32_t *bias,
@     const int32_t *multiplier, int8_t *out, int32_t rows, int32_t pitch, int32_t depth,
@     int32_t channels, int32_t offset, int32_t scalar);
@
@ Meaning and layouts: helium_short.c. 30 instructions for 2 rows and 4 channels, whose weights
@ stay in registers.
@
@ In the loop: x r1 (second row r3), out r9, the distances to the next two rows r7 and r8; q4-q7
@ weights, q2 multipliers, q3 bias, r10 the offset.

    .equ PLACES, 0
    .equ X0, 16
    .equ BIAS, 20
    .equ FRAME, 28
    .equ OUT, FRAME + 100
    .equ ROWS, OUT + 4
    .equ PITCH, OUT + 8
    .equ DEPTH, OUT + 12
    .equ CHANNELS, OUT + 16
    .equ OFFSET, OUT + 20
    .equ SCALAR, OUT + 24

    .macro sums q
    vmladav.s8 r0, \q, q4
    vmladav.s8 r2, \q, q5
    vmladav.s8 r4, \q, q6
    vmladav.s8 r6, \q, q7
    vmov \q[2], \q[0], r0, r4
    vmov \q[3], \q[1], r2, r6
    .endm

    @ The low bytes of the 8 lanes of q0: the results of two rows, which alternate.
    .macro two_rows
    vpstt
    vldrbt.u8 q0, [r1]
    vldrbt.u8 q1, [r3]
    sums q0
    sums q1
    vadd.i32 q0, q0, q3
    vadd.i32 q1, q1, q3
    vrmulh.s32 q0, q0, q2
    vrmulh.s32 q1, q1, q2
    vadd.i32 q0, q0, r10
    vadd.i32 q1, q1, r10
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vqmovnb.s16 q0, q0
    .endm

    .syntax unified
    .thumb
    .section .text.graphopt_helium_short, "ax", %progbits
    .balign 4
    .globl graphopt_helium_short
    .type graphopt_helium_short, %function
    .thumb_func
graphopt_helium_short:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, sp, #FRAME
    mov r5, r1
    mov r11, r3
    str r2, [sp, #BIAS]
    @ x starts so that the elements that are there are the last of 16.
    ldr r4, [sp, #DEPTH]
    rsb r4, r4, #16
    sub r0, r0, r4
    str r0, [sp, #X0]
    movw r6, #0xffff
    lsls r6, r6, r4
    uxth r6, r6
    vmsr p0, r6
    ldr r12, [sp, #CHANNELS]
    movs r0, #0
    vidup.u16 q0, r0, #1
    vmov.i16 q1, #1
    vand q1, q1, q0
    vshr.u16 q0, q0, #1
    vmul.i16 q1, q1, r12
    vadd.i16 q0, q0, q1
    vstrh.16 q0, [sp, #PLACES]
    lsl r8, r12, #1
    ldr r10, [sp, #OFFSET]
1:  @ 4 channels
    vldrb.u8 q4, [r5], #16
    vldrb.u8 q5, [r5], #16
    vldrb.u8 q6, [r5], #16
    vldrb.u8 q7, [r5], #16
    ldr r0, [sp, #BIAS]
    vldrw.u32 q3, [r0], #16
    str r0, [sp, #BIAS]
    ldr r0, [sp, #SCALAR]
    cbz r0, 2f
    ldr r0, [r11]
    vdup.32 q2, r0
    b 3f
2:  vldrw.u32 q2, [r11], #16
3:  ldr r1, [sp, #X0]
    ldr r7, [sp, #PITCH]
    add r3, r1, r7
    lsls r7, r7, #1
    ldr r9, [sp, #OUT]
    add r0, r9, #4
    str r0, [sp, #OUT]
    ldr r0, [sp, #ROWS]
    lsrs r0, r0, #1
    wls lr, r0, 5f
4:  two_rows
    vldrh.u16 q1, [sp, #PLACES]
    vstrb.16 q0, [r9, q1]
    add r1, r1, r7
    add r3, r3, r7
    add r9, r9, r8
    le lr, 4b
5:  ldr r0, [sp, #ROWS]
    lsls r0, r0, #31
    beq 6f
    mov r3, r1
    two_rows
    mov r1, r9
    vstrb.32 q0, [r1]
6:  subs r12, r12, #4
    bgt 1b
    movs r0, #0
    add sp, sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size graphopt_helium_short, . - graphopt_helium_short
