@ Moves rows of bytes upwards. move_rows.c defines it.
@
@ 6 instructions for 32 bytes where both places are words, else 3 for each byte; 15 for each row.
@ The words of every Arm core, so that all of them take it.
@
@ r0 destination, r1 source, r2 bytes left of a row, r3 rows left, lr bytes of a row, r4-r7 bytes on
@ their way; on the stack the distances of rows in destination and source.
.syntax unified
.thumb
.text
.global graphopt_move_rows
.type graphopt_move_rows, %function
.thumb_func
graphopt_move_rows:
    push {r4-r7, lr}
    mov lr, r2
.Lrow:
    mov r2, lr
    movs r4, r0
    orrs r4, r4, r1
    lsls r4, r4, #30
    bne .Lbytes
    subs r2, r2, #32
    blo .Lwords
1:
    ldmia r1!, {r4-r7}
    stmia r0!, {r4-r7}
    ldmia r1!, {r4-r7}
    stmia r0!, {r4-r7}
    subs r2, r2, #32
    bhs 1b
.Lwords:
    adds r2, r2, #28
    bmi .Lrest
2:
    ldmia r1!, {r4}
    stmia r0!, {r4}
    subs r2, r2, #4
    bpl 2b
.Lrest:
    adds r2, r2, #4
.Lbytes:
    subs r2, r2, #4
    bmi .Llast
3:
    ldrb r4, [r1]
    ldrb r5, [r1, #1]
    ldrb r6, [r1, #2]
    ldrb r7, [r1, #3]
    strb r4, [r0]
    strb r5, [r0, #1]
    strb r6, [r0, #2]
    strb r7, [r0, #3]
    adds r0, r0, #4
    adds r1, r1, #4
    subs r2, r2, #4
    bpl 3b
.Llast:
    adds r2, r2, #3
    bmi .Lnext
4:
    ldrb r4, [r1]
    strb r4, [r0]
    adds r0, r0, #1
    adds r1, r1, #1
    subs r2, r2, #1
    bpl 4b
.Lnext:
    mov r2, lr
    ldr r4, [sp, #20]
    subs r4, r4, r2
    adds r0, r0, r4
    ldr r4, [sp, #24]
    subs r4, r4, r2
    adds r1, r1, r4
    subs r3, r3, #1
    bne .Lrow
    movs r0, #0
    pop {r4-r7, pc}
