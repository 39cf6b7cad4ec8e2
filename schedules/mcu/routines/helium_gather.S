@ int32_t graphopt_helium_gather(const int8_t *from, int8_t *to, const int8_t *padding,
@     int32_t depth, int32_t rows, int32_t first, int32_t last, int32_t before, int32_t inside,
@     int32_t after, int32_t row_pitch, int32_t column_pitch, int32_t to_pitch);
@
@ Meaning: helium_gather.c. 6 instructions for a pixel of at most 16 channels, else 7 and 3 for
@ each 16.
@
@ Pixels are read at r5, r7 bytes apart, and go to r4, r8 bytes apart; r3 depth, r9 rows left.

    .equ ROWS, 36
    .equ FIRST, 40
    .equ LAST, 44
    .equ BEFORE, 48
    .equ INSIDE, 52
    .equ AFTER, 56
    .equ ROW_PITCH, 60
    .equ COLUMN_PITCH, 64
    .equ TO_PITCH, 68

    .syntax unified
    .thumb
    .section .text.graphopt_helium_gather, "ax", %progbits
    .balign 4
    .globl graphopt_helium_gather
    .type graphopt_helium_gather, %function
    .thumb_func
graphopt_helium_gather:
    push {r4-r11, lr}
    vctp.8 r3
    ldr r8, [sp, #TO_PITCH]
    movs r9, #0
1:  mov r4, r1
    ldrd r6, r7, [sp, #FIRST]
    cmp r9, r6
    blt 2f
    cmp r9, r7
    bge 2f
    movs r7, #0
    ldr r6, [sp, #BEFORE]
    bl copy_padding
    mov r5, r0
    ldr r6, [sp, #INSIDE]
    ldr r7, [sp, #COLUMN_PITCH]
    bl copy
    movs r7, #0
    ldr r6, [sp, #AFTER]
    bl copy_padding
    b 3f
2:  movs r7, #0
    ldrd r5, r6, [sp, #BEFORE]
    add r6, r6, r5
    ldr r5, [sp, #AFTER]
    add r6, r6, r5
    bl copy_padding
3:  ldr r5, [sp, #ROW_PITCH]
    add r0, r0, r5
    add r1, r1, r3
    add r9, r9, #1
    ldr r5, [sp, #ROWS]
    cmp r9, r5
    blt 1b
    movs r0, #0
    pop {r4-r11, pc}

copy_padding:
    mov r5, r2
copy:   @ r6 pixels
    cbz r6, 7f
    mov r12, lr
    cmp r3, #16
    bgt 5f
    dls lr, r6
4:  vpstt
    vldrbt.u8 q0, [r5]
    vstrbt.8 q0, [r4]
    add r5, r5, r7
    add r4, r4, r8
    le lr, 4b
    bx r12
5:  mov r10, r5
    mov r11, r4
    dlstp.8 lr, r3
6:  vldrb.u8 q0, [r10], #16
    vstrb.8 q0, [r11], #16
    letp lr, 6b
    add r5, r5, r7
    add r4, r4, r8
    subs r6, r6, #1
    bgt 5b
    bx r12
7:  bx lr
    .size graphopt_helium_gather, . - graphopt_helium_gather
