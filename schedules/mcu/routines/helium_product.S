@ int32_t graphopt_helium_product(const int8_t *x, const int8_t *w, const int32_t *bias,
@     const int32_t *multiplier, int8_t *out, int32_t rows, int32_t pitch, int32_t depth,
@     int32_t channels, int32_t offset, int32_t scalar);
@ Meaning and layouts: helium_product.c. Two rows and 4 channels are done at once, 30 instructions
@ for 256 products (0.117 each) and 31 around them; one row alone takes 10 for 64, and 20.
@
@ In the loops: x r1 (second row r3), weights r5, steps left r7, out r9, bias r11; sums of the first
@ row r0 r2 r4 r6, of the second r8 r10 r12 lr; q4 where the 8 results go, q5 the offset, q6 where
@ the multipliers are and q7 how far apart.

    .equ MULTIPLIERS, 0
    .equ X0, 16
    .equ X1, 20
    .equ MASK, 24
    .equ STEPS, 28
    .equ LEFT, 32
    .equ W, 36
    .equ BIAS, 40
    .equ FRAME, 44
    .equ OUT, FRAME + 100
    .equ ROWS, OUT + 4
    .equ X_PITCH, OUT + 8
    .equ DEPTH, OUT + 12
    .equ CHANNELS, OUT + 16
    .equ OUT_PITCH, OUT + 20
    .equ OFFSET, OUT + 24
    .equ MODE, OUT + 28

    .macro multiply instruction, weights, first, second
    vldrb.u8 \weights, [r5], #16
    \instruction \first, q0, \weights
    \instruction \second, q1, \weights
    .endm

    .macro step_of_two_rows
    vldrb.u8 q0, [r1], #16
    vldrb.u8 q2, [r5], #16
    vmladava.s8 r0, q0, q2
    vldrb.u8 q1, [r3], #16
    vmladava.s8 r8, q1, q2
    multiply vmladava.s8, q3, r2, r10
    multiply vmladava.s8, q2, r4, r12
    multiply vmladava.s8, q3, r6, lr
    .endm

    .macro multiply_one instruction, weights, sum
    vldrb.u8 \weights, [r5], #16
    \instruction \sum, q0, \weights
    .endm

    .macro start_channels
    ldr r5, [sp, #W]
    ldr r11, [sp, #BIAS]
    ldr r7, [sp, #CHANNELS]
    str r7, [sp, #LEFT]
    vldrw.u32 q6, [sp, #MULTIPLIERS]
    .endm

    @ Which of the first 16 elements there are: the last ones, where depth is no multiple of 16.
    .macro load_mask
    ldr r7, [sp, #MASK]
    vmsr p0, r7
    .endm

    .macro load_multipliers
    vadd.i32 q6, q6, q7
    vldrw.u32 q3, [q6]
    .endm

    @ Flags of the channels that are left behind this group; negative if it is not whole.
    .macro count_channels
    ldr r4, [sp, #LEFT]
    subs r4, r4, #4
    str r4, [sp, #LEFT]
    .endm

    @ The function for bytes (`raw` 0) or for sums (1).
    .macro body raw
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, sp, #FRAME
    str r0, [sp, #X0]
    strd r1, r2, [sp, #W]
    ldr r9, [sp, #OUT]
    @ x starts so that the first 16 elements end where those that are there do.
    ldr r4, [sp, #DEPTH]
    subs r5, r4, #1
    lsrs r5, r5, #4
    rsbs r4, r4, #0
    and r4, r4, #15
    sub r0, r0, r4
    str r0, [sp, #X0]
    movw r6, #0xffff
    lsls r6, r6, r4
    uxth r6, r6
    strd r6, r5, [sp, #MASK]
    .if \raw == 0
    ldr r4, [sp, #OUT_PITCH]
    movs r0, #0
    vidup.u16 q0, r0, #1
    vmov.i16 q1, #1
    vand q1, q1, q0
    vshr.u16 q0, q0, #1
    vmul.i16 q1, q1, r4
    vadd.i16 q4, q0, q1
    ldr r6, [sp, #OFFSET]
    vdup.32 q5, r6
    ldr r6, [sp, #MODE]
    cbnz r6, 1f
    movs r0, #0
    vidup.u32 q6, r0, #4
    vmov.i32 q7, #16
    vsub.i32 q6, q6, q7
    vadd.i32 q6, q6, r3
    b 2f
1:  vdup.32 q6, r3
    vmov.i32 q7, #0
2:  vstrw.32 q6, [sp, #MULTIPLIERS]
    .endif

3:  @ two rows
    ldr r2, [sp, #ROWS]
    subs r2, r2, #2
    blt 7f
    str r2, [sp, #ROWS]
    ldr r1, [sp, #X0]
    ldr r4, [sp, #X_PITCH]
    add r1, r1, r4
    str r1, [sp, #X1]
    start_channels
4:  ldrd r1, r3, [sp, #X0]
    load_mask
    vpstt
    vldrbt.u8 q0, [r1], #16
    vldrbt.u8 q1, [r3], #16
    multiply vmladav.s8, q2, r0, r8
    multiply vmladav.s8, q3, r2, r10
    multiply vmladav.s8, q2, r4, r12
    multiply vmladav.s8, q3, r6, lr
    ldr r7, [sp, #STEPS]
    lsrs r7, r7, #1
    bcc 51f
    step_of_two_rows
51: cbz r7, 6f
5:  step_of_two_rows
    step_of_two_rows
    subs r7, r7, #1
    bne 5b
6:  vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    vmov q1[2], q1[0], r8, r12
    vmov q1[3], q1[1], r10, lr
    vldrw.u32 q2, [r11], #16
    vadd.i32 q0, q0, q2
    vadd.i32 q1, q1, q2
    .if \raw == 0
    load_multipliers
    vrmulh.s32 q0, q0, q3
    vrmulh.s32 q1, q1, q3
    vadd.i32 q0, q0, q5
    vadd.i32 q1, q1, q5
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vqmovnb.s16 q0, q0
    count_channels
    blt 61f
    vstrb.16 q0, [r9, q4]
    add r9, r9, #4
    bne 4b
    b 62f
61: add r4, r4, #4
    lsls r7, r4, #1
    vctp.16 r7
    vpst
    vstrbt.16 q0, [r9, q4]
    add r9, r9, r4
62:
    .else
    ldr r7, [sp, #OUT_PITCH]
    add r7, r7, r9
    ldr r4, [sp, #LEFT]
    vctp.32 r4
    vpstt
    vstrwt.32 q0, [r9]
    vstrwt.32 q1, [r7]
    add r9, r9, #16
    count_channels
    bgt 4b
    add r9, r9, r4, lsl #2
    .endif
    @ r9 is behind the channels of the first row.
    ldr r4, [sp, #CHANNELS]
    .if \raw
    lsls r4, r4, #2
    .endif
    ldr r7, [sp, #OUT_PITCH]
    sub r9, r9, r4
    add r9, r9, r7, lsl #1
    ldr r1, [sp, #X1]
    ldr r4, [sp, #X_PITCH]
    add r1, r1, r4
    str r1, [sp, #X0]
    b 3b

7:  @ one row
    adds r2, r2, #1
    blt 99f
    start_channels
8:  ldr r1, [sp, #X0]
    load_mask
    vpst
    vldrbt.u8 q0, [r1], #16
    multiply_one vmladav.s8, q1, r0
    multiply_one vmladav.s8, q2, r2
    multiply_one vmladav.s8, q3, r4
    multiply_one vmladav.s8, q1, r6
    ldr r7, [sp, #STEPS]
    wls lr, r7, 91f
9:  vldrb.u8 q0, [r1], #16
    multiply_one vmladava.s8, q1, r0
    multiply_one vmladava.s8, q2, r2
    multiply_one vmladava.s8, q3, r4
    multiply_one vmladava.s8, q1, r6
    le lr, 9b
91: vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    vldrw.u32 q2, [r11], #16
    vadd.i32 q0, q0, q2
    ldr r4, [sp, #LEFT]
    vctp.32 r4
    .if \raw == 0
    load_multipliers
    vrmulh.s32 q0, q0, q3
    vadd.i32 q0, q0, q5
    vqmovnb.s32 q0, q0
    vqmovnb.s16 q0, q0
    mov r1, r9
    vpst
    vstrbt.32 q0, [r1]
    add r9, r9, #4
    .else
    vpst
    vstrwt.32 q0, [r9], #16
    .endif
    subs r4, r4, #4
    str r4, [sp, #LEFT]
    bgt 8b

99: movs r0, #0
    add sp, sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .endm

    .syntax unified
    .thumb
    .section .text.graphopt_helium_product, "ax", %progbits
    .balign 4
    .globl graphopt_helium_product
    .type graphopt_helium_product, %function
    .thumb_func
graphopt_helium_product:
    ldr r12, [sp, #MODE - FRAME - 100]
    cmp r12, #2
    beq sums
    body 0
sums:
    body 1
    .size graphopt_helium_product, . - graphopt_helium_product
