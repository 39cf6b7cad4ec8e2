"""Integer products on cores without vectors or 16-bit multiply-accumulates: one at a time."""
