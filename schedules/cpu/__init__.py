"""Kernels for x86-64: register-tiled fp32 loops, written directly as TIR."""
