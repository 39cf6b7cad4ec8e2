@ Products of one vector of i8 with output channels, weights of 2 bits. dense_digits2_i8.c says what it
@ computes. 20 instructions for 16 products (1.25 each).
.syntax unified
.thumb
.text
.set SIGNED, 1
.global graphopt_dense_digits2_i8
.type graphopt_dense_digits2_i8, %function
.thumb_func
graphopt_dense_digits2_i8:
.include "dense_digits2.inc"
