/* Starts a 32-bit RISC-V core, calls functions on a stack of their own, and reports traps. */
    .option arch, +zicsr

    .section .vectors, "ax"
    .global reset
    .type reset, @function
reset:
    la sp, monitor_stack_top
    la t0, trap
    csrw mtvec, t0
    j monitor
    .size reset, . - reset

    .text
    .global stacked_argument_bytes
    .set stacked_argument_bytes, 24 * 4

    .global invoke
    .type invoke, @function
invoke:
    addi sp, sp, -16
    sw ra, 0(sp)
    sw s0, 4(sp)
    mv s0, sp
    mv t0, a0
    mv t1, a1
    addi sp, a2, -stacked_argument_bytes
    li t2, 0
1:  add t3, t1, t2
    lw t4, 32(t3)
    add t3, sp, t2
    sw t4, 0(t3)
    addi t2, t2, 4
    li t3, stacked_argument_bytes
    bne t2, t3, 1b
    lw a0, 0(t1)
    lw a1, 4(t1)
    lw a2, 8(t1)
    lw a3, 12(t1)
    lw a4, 16(t1)
    lw a5, 20(t1)
    lw a6, 24(t1)
    lw a7, 28(t1)
    .global call_begin
call_begin:
    jalr t0
    .global call_end
call_end:
    mv sp, s0
    lw ra, 0(sp)
    lw s0, 4(sp)
    addi sp, sp, 16
    ret
    .size invoke, . - invoke

    .balign 4
    .type trap, @function
trap:
    mv t0, sp
    la sp, monitor_stack_top
    addi sp, sp, -32
    csrr t1, mcause
    sw t1, 0(sp)
    csrr t1, mepc
    sw t1, 4(sp)
    csrr t1, mtval
    sw t1, 8(sp)
    sw ra, 12(sp)
    sw t0, 16(sp)
    mv a0, sp
    li a1, 5
    j report_fault
    .size trap, . - trap
