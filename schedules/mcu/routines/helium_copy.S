@ int32_t graphopt_helium_copy(const int8_t *from, int8_t *to, int32_t nbytes, int32_t count,
@     int32_t from_pitch, int32_t to_pitch);
@
@ `count` runs of `nbytes` bytes (more than 0): 6 instructions for a run of at most 16 bytes,
@ else 7 and 3 for each 16.

    .syntax unified
    .thumb
    .section .text.graphopt_helium_copy, "ax", %progbits
    .balign 4
    .globl graphopt_helium_copy
    .type graphopt_helium_copy, %function
    .thumb_func
graphopt_helium_copy:
    push {r4-r6, lr}
    ldrd r4, r5, [sp, #16]
    cmp r3, #0
    ble 4f
    cmp r2, #16
    bgt 2f
    vctp.8 r2
    dls lr, r3
1:  vpstt
    vldrbt.u8 q0, [r0]
    vstrbt.8 q0, [r1]
    add r0, r0, r4
    add r1, r1, r5
    le lr, 1b
    b 4f
2:  mov r6, r0
    mov r12, r1
    dlstp.8 lr, r2
3:  vldrb.u8 q0, [r6], #16
    vstrb.8 q0, [r12], #16
    letp lr, 3b
    add r0, r0, r4
    add r1, r1, r5
    subs r3, r3, #1
    bgt 2b
4:  movs r0, #0
    pop {r4-r6, pc}
    .size graphopt_helium_copy, . - graphopt_helium_copy
