@ Products of one vector of i8 with output channels, weights of 8 bits. dense_digits8_i8.c says what it
@ computes. 16 instructions for 16 products.
.syntax unified
.thumb
.text
.set SIGNED, 1
.global graphopt_dense_digits8_i8
.type graphopt_dense_digits8_i8, %function
.thumb_func
graphopt_dense_digits8_i8:
.include "dense_digits8.inc"
