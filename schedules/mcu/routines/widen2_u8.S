@ Activations of type u8 for blocks of 2 pixels.
.syntax unified
.thumb
.text
.macro extend to, from, turn:vararg
    .ifb \turn
    uxtb16 \to, \from
    .else
    uxtb16 \to, \from, \turn
    .endif
.endm
.global graphopt_widen2_u8
.type graphopt_widen2_u8, %function
.thumb_func
graphopt_widen2_u8:
.include "widen2.inc"
