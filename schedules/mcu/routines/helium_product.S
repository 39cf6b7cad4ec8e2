@ int32_t graphopt_helium_product(const int8_t *x, const int8_t *w, const int32_t *bias,
@     const int32_t *multiplier, void *out, int32_t rows, int32_t pitch, int32_t depth,
@     int32_t channels, int32_t offset, int32_t mode);
@
@ Meaning and layouts: helium_product.c. Two rows and 4 channels are done at once, 16 instructions
@ for 128 products (0.125 each); one row alone takes 10 for 64.
@
@ In the loops: x r1 (second row r3), weights r5, steps left r7, multipliers r9, bias r11;
@ sums of the first row r0 r2 r4 r6, of the second r8 r10 r12 lr.

    .equ X0, 0
    .equ X1, 4
    .equ OUT0, 8
    .equ OUT1, 12
    .equ STEPS, 16
    .equ REST, 20
    .equ LEFT, 24
    .equ OUT_PITCH, 28
    .equ W, 32
    .equ BIAS, 36
    .equ MULTIPLIER, 40
    .equ FRAME, 44
    .equ OUT, FRAME + 36
    .equ ROWS, OUT + 4
    .equ X_PITCH, OUT + 8
    .equ DEPTH, OUT + 12
    .equ CHANNELS, OUT + 16
    .equ OFFSET, OUT + 20
    .equ MODE, OUT + 24

    .macro multiply weights, first, second
    vmladava.s8 \first, q0, \weights
    vmladava.s8 \second, q1, \weights
    .endm

    .macro load_rest weights
    vpst
    vldrbt.u8 \weights, [r5]
    add r5, r5, r7
    .endm

    .macro start_channels
    ldr r5, [sp, #W]
    ldr r9, [sp, #MULTIPLIER]
    ldr r11, [sp, #BIAS]
    ldr r7, [sp, #CHANNELS]
    str r7, [sp, #LEFT]
    .endm

    @ q2 = the multipliers; branches to `raw` where there are none. Leaves the channels left in r4
    @ and a predicate for their lanes.
    .macro load_multipliers raw
    ldr r4, [sp, #LEFT]
    vctp.32 r4
    ldr r7, [sp, #MODE]
    cbz r7, 5f
    cmp r7, #2
    beq \raw
    ldr r7, [r9]
    vdup.32 q2, r7
    b 6f
5:  vldrw.u32 q2, [r9], #16
6:  ldr r7, [sp, #OFFSET]
    .endm

    @ ((sums * multipliers + 2^31) >> 32) + offset, saturated to the low byte of each lane.
    .macro requantize sums
    vrmulh.s32 \sums, \sums, q2
    vadd.i32 \sums, \sums, r7
    vqmovnb.s32 \sums, \sums
    vqmovnb.s16 \sums, \sums
    .endm

    .syntax unified
    .thumb
    .section .text.graphopt_helium_product, "ax", %progbits
    .balign 4
    .globl graphopt_helium_product
    .type graphopt_helium_product, %function
    .thumb_func
graphopt_helium_product:
    push {r4-r11, lr}
    sub sp, sp, #FRAME
    str r0, [sp, #X0]
    strd r1, r2, [sp, #W]
    str r3, [sp, #MULTIPLIER]
    ldr r4, [sp, #DEPTH]
    lsrs r5, r4, #4
    and r4, r4, #15
    strd r5, r4, [sp, #STEPS]
    ldr r4, [sp, #CHANNELS]
    ldr r6, [sp, #MODE]
    cmp r6, #2
    it eq
    lsleq r4, r4, #2
    str r4, [sp, #OUT_PITCH]

rows:
    ldrd r0, r2, [sp, #OUT]
    subs r2, r2, #2
    blt last_row
    ldr r4, [sp, #OUT_PITCH]
    add r1, r0, r4
    strd r0, r1, [sp, #OUT0]
    add r0, r1, r4
    strd r0, r2, [sp, #OUT]
    ldr r1, [sp, #X0]
    ldr r4, [sp, #X_PITCH]
    add r1, r1, r4
    str r1, [sp, #X1]
    start_channels
1:  ldrd r0, r2, [r11], #8
    ldrd r4, r6, [r11], #8
    mov r8, r0
    mov r10, r2
    mov r12, r4
    mov lr, r6
    ldrd r1, r3, [sp, #X0]
    ldr r7, [sp, #STEPS]
    cbz r7, 3f
2:  vldrb.u8 q0, [r1], #16
    vldrb.u8 q2, [r5], #16
    vmladava.s8 r0, q0, q2
    vldrb.u8 q1, [r3], #16
    vmladava.s8 r8, q1, q2
    vldrb.u8 q3, [r5], #16
    multiply q3, r2, r10
    vldrb.u8 q2, [r5], #16
    multiply q2, r4, r12
    vldrb.u8 q3, [r5], #16
    multiply q3, r6, lr
    subs r7, r7, #1
    bne 2b
3:  ldr r7, [sp, #REST]
    cbz r7, 4f
    vctp.8 r7
    vpstt
    vldrbt.u8 q0, [r1]
    vldrbt.u8 q1, [r3]
    load_rest q2
    multiply q2, r0, r8
    load_rest q3
    multiply q3, r2, r10
    load_rest q2
    multiply q2, r4, r12
    load_rest q3
    multiply q3, r6, lr
4:  vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    vmov q1[2], q1[0], r8, r12
    vmov q1[3], q1[1], r10, lr
    ldrd r1, r3, [sp, #OUT0]
    load_multipliers raw_rows
    requantize q0
    requantize q1
    vpstt
    vstrbt.32 q0, [r1], #4
    vstrbt.32 q1, [r3], #4
next_of_rows:
    strd r1, r3, [sp, #OUT0]
    subs r4, r4, #4
    str r4, [sp, #LEFT]
    bgt 1b
    ldr r1, [sp, #X1]
    ldr r4, [sp, #X_PITCH]
    add r1, r1, r4
    str r1, [sp, #X0]
    b rows

raw_rows:
    vpstt
    vstrwt.32 q0, [r1], #16
    vstrwt.32 q1, [r3], #16
    b next_of_rows

last_row:
    adds r2, r2, #1
    blt done
    str r0, [sp, #OUT0]
    start_channels
1:  ldrd r0, r2, [r11], #8
    ldrd r4, r6, [r11], #8
    ldr r1, [sp, #X0]
    ldr r7, [sp, #STEPS]
    wls lr, r7, 3f
2:  vldrb.u8 q0, [r1], #16
    vldrb.u8 q1, [r5], #16
    vmladava.s8 r0, q0, q1
    vldrb.u8 q2, [r5], #16
    vmladava.s8 r2, q0, q2
    vldrb.u8 q3, [r5], #16
    vmladava.s8 r4, q0, q3
    vldrb.u8 q1, [r5], #16
    vmladava.s8 r6, q0, q1
    le lr, 2b
3:  ldr r7, [sp, #REST]
    cbz r7, 4f
    vctp.8 r7
    vpst
    vldrbt.u8 q0, [r1]
    load_rest q1
    vmladava.s8 r0, q0, q1
    load_rest q2
    vmladava.s8 r2, q0, q2
    load_rest q3
    vmladava.s8 r4, q0, q3
    load_rest q1
    vmladava.s8 r6, q0, q1
4:  vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    ldr r1, [sp, #OUT0]
    load_multipliers raw_row
    requantize q0
    vpst
    vstrbt.32 q0, [r1], #4
next_of_row:
    str r1, [sp, #OUT0]
    subs r4, r4, #4
    str r4, [sp, #LEFT]
    bgt 1b

done:
    movs r0, #0
    add sp, sp, #FRAME
    pop {r4-r11, pc}

raw_row:
    vpst
    vstrwt.32 q0, [r1], #16
    b next_of_row
    .size graphopt_helium_product, . - graphopt_helium_product
