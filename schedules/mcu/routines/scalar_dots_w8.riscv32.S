# Weights of 8 bits. scalar_dots_w8.c is the definition.
.include "scalar_dots_bytes.riscv32.inc"

    begin graphopt_scalar_dots_w8
    steps 8
    end graphopt_scalar_dots_w8
