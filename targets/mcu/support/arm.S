/* Vector table, calls on a stack of their own, and the way into the fault report; ARMv6-M
 * instructions only, so that every Cortex-M runs them. */
    .syntax unified
    .thumb

    .section .vectors, "a"
    .word monitor_stack_top
    .word reset
    .rept 14
    .word fault
    .endr

    .text
    .global stacked_argument_bytes
    .set stacked_argument_bytes, 28 * 4

    .thumb_func
    .global invoke
    .type invoke, %function
/* Calls run on the process stack, so that a fault handler has a sound stack whatever they did. */
invoke:
    push {r4, lr}
    movs r4, #1
    orrs r4, r0
    mov r3, r1
    subs r2, r2, #stacked_argument_bytes
    msr psp, r2
    movs r0, #2
    msr control, r0
    isb
    movs r1, #0
1:  adds r2, r3, r1
    ldr r0, [r2, #16]
    mov r2, sp
    str r0, [r2, r1]
    adds r1, r1, #4
    cmp r1, #stacked_argument_bytes
    bne 1b
    ldm r3, {r0-r3}
    .global call_begin
call_begin:
    blx r4
    .global call_end
call_end:
    movs r1, #0
    msr control, r1
    isb
    pop {r4, pc}
    .size invoke, . - invoke

    .thumb_func
    .type fault, %function
fault:
    mov r0, lr
    mrs r1, psp
    movs r2, #4
    tst r0, r2
    bne 1f
    mrs r1, msp
1:  bl arm_fault
    .size fault, . - fault
