"""Fused graph -> machine code: kernels through TVM, one `main` that calls them."""
