@ Products of one vector of i8 with output channels, weights of 16 bits. dense_words16_i8.c says what it
@ computes. 13 instructions for 16 products (0.81 each).
.syntax unified
.thumb
.text
.set SIGNED, 1
.global graphopt_dense_words16_i8
.type graphopt_dense_words16_i8, %function
.thumb_func
graphopt_dense_words16_i8:
.include "dense_words16.inc"
