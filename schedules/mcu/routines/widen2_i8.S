@ Activations of type i8 for blocks of 2 pixels.
.syntax unified
.thumb
.text
.macro extend to, from, turn:vararg
    .ifb \turn
    sxtb16 \to, \from
    .else
    sxtb16 \to, \from, \turn
    .endif
.endm
.global graphopt_widen2_i8
.type graphopt_widen2_i8, %function
.thumb_func
graphopt_widen2_i8:
.include "widen2.inc"
