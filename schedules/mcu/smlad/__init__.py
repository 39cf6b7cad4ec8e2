"""Cores with SMLAD, which adds two products of 16 bits at once: Cortex-M4, M7, M33."""
