@ int32_t graphopt_helium_depthwise_4(const int8_t *columns, const int8_t *w,
@     const int32_t *bias, const int32_t *multiplier, int8_t *out, int32_t count, int32_t step,
@     int32_t channels, int32_t pitch, int32_t offset, int32_t scalar);
@
@ Meaning: helium_depthwise_4.c. 20 instructions for one pixel of 4 channels.
@
@ q3 holds where the 4 columns of the window lie, q4-q7 the weights of 4 channels.

    .equ OUT, 100
    .equ COUNT, 104
    .equ STEP, 108
    .equ CHANNELS, 112
    .equ PITCH, 116
    .equ OFFSET, 120
    .equ SCALAR, 124

    .macro window place, sum, weights
    vldrw.u32 q0, [q3, #\place]
    vmladav.s8 \sum, q0, \weights
    .endm

    .syntax unified
    .thumb
    .section .text.graphopt_helium_depthwise_4, "ax", %progbits
    .balign 4
    .globl graphopt_helium_depthwise_4
    .type graphopt_helium_depthwise_4, %function
    .thumb_func
graphopt_helium_depthwise_4:
    push {r4-r11, lr}
    vpush {d8-d15}
    mov r5, r0
    mov r7, r1
    mov r9, r2
    mov r11, r3
    ldr r8, [sp, #OUT]
    ldr r10, [sp, #CHANNELS]
    ldr r3, [sp, #STEP]
    ldr r12, [sp, #OFFSET]
1:  movs r0, #0
    vidup.u32 q3, r0, #8
    vshl.i32 q3, q3, #3
    vadd.i32 q0, q3, r7
    vadd.i32 q3, q3, r5
    vldrw.u32 q4, [q0]
    vldrw.u32 q5, [q0, #4]
    vldrw.u32 q6, [q0, #8]
    vldrw.u32 q7, [q0, #12]
    adds r5, r5, #16
    adds r7, r7, #16
    vldrw.u32 q2, [r9], #16
    ldr r0, [sp, #SCALAR]
    cbz r0, 2f
    ldr r0, [r11]
    vdup.32 q1, r0
    b 3f
2:  vldrw.u32 q1, [r11], #16
3:  mov r1, r8
    vctp.32 r10
    ldr r0, [sp, #COUNT]
    ldr r8, [sp, #PITCH]
    dls lr, r0
4:  window 0, r0, q4
    window 4, r2, q5
    window 8, r4, q6
    window 12, r6, q7
    vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    vadd.i32 q0, q0, q2
    vadd.i32 q3, q3, r3
    vrmulh.s32 q0, q0, q1
    vadd.i32 q0, q0, r12
    vqmovnb.s32 q0, q0
    vqmovnb.s16 q0, q0
    vpst
    vstrbt.32 q0, [r1]
    add r1, r1, r8
    le lr, 4b
    ldr r8, [sp, #OUT]
    adds r8, r8, #4
    str r8, [sp, #OUT]
    subs r10, r10, #4
    bgt 1b
    movs r0, #0
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size graphopt_helium_depthwise_4, . - graphopt_helium_depthwise_4
