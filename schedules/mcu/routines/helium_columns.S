@ int32_t graphopt_helium_columns(const int8_t *from, int8_t *to, const int8_t *padding,
@     int32_t channels, int32_t first, int32_t last, int32_t before, int32_t inside,
@     int32_t after, int32_t row_pitch, int32_t column_pitch, int32_t to_pitch);
@
@ Meaning: helium_columns.c. 15 instructions for a column of 4 rows of 16 channels, 6 for one of
@ padding.
@
@ Rows are read at r0 r4 r5 r6, which move by r7 r8 r9 r10; r1 is where the column goes.

    .equ FIRST, 36
    .equ LAST, 40
    .equ BEFORE, 44
    .equ INSIDE, 48
    .equ AFTER, 52
    .equ ROW_PITCH, 56
    .equ COLUMN_PITCH, 60
    .equ TO_PITCH, 64

    .macro store_column
    vst40.8 {q0, q1, q2, q3}, [r1]
    vst41.8 {q0, q1, q2, q3}, [r1]
    vst42.8 {q0, q1, q2, q3}, [r1]
    vst43.8 {q0, q1, q2, q3}, [r1]
    add r1, r1, r11
    .endm

    .macro store_padding count
    ldr r3, [sp, #\count]
    wls lr, r3, 2f
    vpst
    vldrbt.u8 q0, [r2]
    vmov q1, q0
    vmov q2, q0
    vmov q3, q0
1:  store_column
    le lr, 1b
2:
    .endm

    @ The row `number`: in the image from r12 on if it is one of first to last - 1, else padding.
    .macro choose_row number, row, pitch
    mov \row, r2
    movs \pitch, #0
    ldr r3, [sp, #FIRST]
    cmp r3, #\number
    bgt 1f
    ldr r3, [sp, #LAST]
    cmp r3, #\number
    ble 1f
    mov \row, r12
    ldr \pitch, [sp, #COLUMN_PITCH]
1:  ldr r3, [sp, #ROW_PITCH]
    add r12, r12, r3
    .endm

    .syntax unified
    .thumb
    .section .text.graphopt_helium_columns, "ax", %progbits
    .balign 4
    .globl graphopt_helium_columns
    .type graphopt_helium_columns, %function
    .thumb_func
graphopt_helium_columns:
    push {r4-r11, lr}
    vctp.8 r3
    ldr r11, [sp, #TO_PITCH]
    mov r12, r0
    store_padding BEFORE
    choose_row 0, r0, r7
    choose_row 1, r4, r8
    choose_row 2, r5, r9
    choose_row 3, r6, r10
    ldr r3, [sp, #INSIDE]
    wls lr, r3, 4f
3:  vpstttt
    vldrbt.u8 q0, [r0]
    vldrbt.u8 q1, [r4]
    vldrbt.u8 q2, [r5]
    vldrbt.u8 q3, [r6]
    add r0, r0, r7
    add r4, r4, r8
    add r5, r5, r9
    add r6, r6, r10
    store_column
    le lr, 3b
4:  store_padding AFTER
    movs r0, #0
    pop {r4-r11, pc}
    .size graphopt_helium_columns, . - graphopt_helium_columns
