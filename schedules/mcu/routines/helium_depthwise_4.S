@ int32_t graphopt_helium_depthwise_4(const int8_t *columns, const int8_t *w,
@     const int32_t *bias, const int32_t *multiplier, int8_t *out, int32_t rows, int32_t count,
@     int32_t step, int32_t channels, int32_t row_pitch, int32_t pitch, int32_t offset,
@     int32_t scalar);
@
@ Meaning: helium_depthwise_4.c. 19 instructions for one pixel of 4 channels.
@
@ q3 holds where the 4 columns of the window lie, q4-q7 the weights of 4 channels, q1 their
@ multipliers, q2 their bias.

    .equ PLACES, 0
    .equ W, 16
    .equ LEFT, 20
    .equ ROW, 24
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

    .macro window place, sum, weights
    vldrw.u32 q0, [q3, #\place]
    vmladav.s8 \sum, q0, \weights
    .endm

    .macro pixel
    window 0, r0, q4
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
    sub sp, sp, #FRAME
    mov r5, r0
    str r1, [sp, #W]
    mov r9, r2
    mov r11, r3
    ldr r3, [sp, #STEP]
    ldr r8, [sp, #PITCH]
    ldr r10, [sp, #CHANNELS]
    ldr r12, [sp, #OFFSET]
    movs r0, #0
    vidup.u32 q3, r0, #8
    vshl.i32 q3, q3, #3
    vstrw.32 q3, [sp, #PLACES]
1:  @ 4 channels
    vldrw.u32 q2, [r9], #16
    ldr r0, [sp, #SCALAR]
    cbz r0, 2f
    ldr r0, [r11]
    vdup.32 q1, r0
    b 3f
2:  vldrw.u32 q1, [r11], #16
3:  ldr r7, [sp, #W]
    ldr r6, [sp, #ROWS]
    ldr r4, [sp, #OUT]
    str r4, [sp, #ROW]
4:  @ a row
    str r6, [sp, #LEFT]
    vldrw.u32 q3, [sp, #PLACES]
    vadd.i32 q0, q3, r7
    vadd.i32 q3, q3, r5
    vldrw.u32 q4, [q0]
    vldrw.u32 q5, [q0, #4]
    vldrw.u32 q6, [q0, #8]
    vldrw.u32 q7, [q0, #12]
    add r7, r7, #256
    ldr r1, [sp, #ROW]
    ldr r4, [sp, #ROW_PITCH]
    add r4, r4, r1
    str r4, [sp, #ROW]
    ldr r4, [sp, #COUNT]
    dls lr, r4
    cmp r10, #4
    blt 6f
5:  pixel
    vstrb.32 q0, [r1]
    add r1, r1, r8
    le lr, 5b
    b 8f
6:  vctp.32 r10
7:  pixel
    vpst
    vstrbt.32 q0, [r1]
    add r1, r1, r8
    le lr, 7b
8:  ldr r6, [sp, #LEFT]
    subs r6, r6, #1
    bgt 4b
    add r5, r5, #16
    ldr r7, [sp, #W]
    add r7, r7, #16
    str r7, [sp, #W]
    ldr r4, [sp, #OUT]
    add r4, r4, #4
    str r4, [sp, #OUT]
    subs r10, r10, #4
    bgt 1b
    movs r0, #0
    add sp, sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size graphopt_helium_depthwise_4, . - graphopt_helium_depthwise_4
