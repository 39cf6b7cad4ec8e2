@ int32_t graphopt_helium_depthwise_8(const int8_t *columns, const int8_t *w,
@     const int32_t *bias, const int32_t *multiplier, int8_t *out, int32_t rows, int32_t count,
@     int32_t step, int32_t channels, int32_t row_pitch, int32_t pitch, int32_t offset,
@     int32_t scalar);
@
@ Meaning: helium_depthwise_8.c. 50 instructions for 4 pixels of one channel.
@
@ q3 holds where the first 4 columns of the window lie (256 bytes on, so that the immediate offsets
@ reach all 8), q4-q7 the weights of the channel, q2 where 4 pixels of the output lie.

    .equ W, 0
    .equ LEFT, 4
    .equ ROW, 8
    .equ PLACES, 12
    .equ FRAME, 28
    .equ OUT, FRAME + 100
    .equ ROWS, OUT + 4
    .equ COUNT, OUT + 8
    .equ STEP, OUT + 12
    .equ CHANNELS, OUT + 16
    .equ ROW_PITCH, OUT + 20
    .equ PITCH, OUT + 24
    .equ OFFSET, OUT + 28
    .equ SCALAR, OUT + 32

    .macro window sum
    vldrw.u32 q0, [q3, #-256]
    vmladav.s8 \sum, q0, q4
    vldrw.u32 q0, [q3, #-192]
    vmladava.s8 \sum, q0, q5
    vldrw.u32 q0, [q3, #256]
    vmladava.s8 \sum, q0, q6
    vldrw.u32 q0, [q3, #320]
    vmladava.s8 \sum, q0, q7
    vadd.i32 q3, q3, r3
    .endm

    .syntax unified
    .thumb
    .section .text.graphopt_helium_depthwise_8, "ax", %progbits
    .balign 4
    .globl graphopt_helium_depthwise_8
    .type graphopt_helium_depthwise_8, %function
    .thumb_func
graphopt_helium_depthwise_8:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, sp, #FRAME
    add r5, r0, #256
    add r1, r1, #256
    str r1, [sp, #W]
    mov r9, r2
    mov r11, r3
    ldr r3, [sp, #STEP]
    ldr r12, [sp, #OFFSET]
    ldr r0, [sp, #PITCH]
    movs r2, #0
    vidup.u32 q3, r2, #1
    vmul.i32 q2, q3, r0
    vshl.i32 q3, q3, #7
    vstrw.32 q3, [sp, #PLACES]
1:  @ a channel
    ldr r10, [r9], #4
    ldr r0, [r11]
    vdup.32 q1, r0
    ldr r0, [sp, #SCALAR]
    cbnz r0, 2f
    add r11, r11, #4
2:  ldr r7, [sp, #W]
    ldr r6, [sp, #ROWS]
    ldr r4, [sp, #OUT]
    str r4, [sp, #ROW]
3:  @ a row
    str r6, [sp, #LEFT]
    vldrw.u32 q3, [sp, #PLACES]
    vadd.i32 q0, q3, r7
    vadd.i32 q3, q3, r5
    vldrw.u32 q4, [q0, #-256]
    vldrw.u32 q5, [q0, #-192]
    vldrw.u32 q6, [q0, #256]
    vldrw.u32 q7, [q0, #320]
    add r7, r7, #1024
    ldr r1, [sp, #ROW]
    ldr r4, [sp, #ROW_PITCH]
    add r4, r4, r1
    str r4, [sp, #ROW]
    ldr r8, [sp, #COUNT]
4:  window r0
    window r2
    window r4
    window r6
    vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    vadd.i32 q0, q0, r10
    vrmulh.s32 q0, q0, q1
    vadd.i32 q0, q0, r12
    vqmovnb.s32 q0, q0
    vqmovnb.s16 q0, q0
    vctp.32 r8
    vpst
    vstrbt.32 q0, [r1, q2]
    ldr r0, [sp, #PITCH]
    add r1, r1, r0, lsl #2
    subs r8, r8, #4
    bgt 4b
    ldr r6, [sp, #LEFT]
    subs r6, r6, #1
    bgt 3b
    add r5, r5, #4
    ldr r7, [sp, #W]
    add r7, r7, #4
    str r7, [sp, #W]
    ldr r4, [sp, #OUT]
    add r4, r4, #1
    str r4, [sp, #OUT]
    ldr r0, [sp, #CHANNELS]
    subs r0, r0, #1
    str r0, [sp, #CHANNELS]
    bgt 1b
    movs r0, #0
    add sp, sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size graphopt_helium_depthwise_8, . - graphopt_helium_depthwise_8
