"""WHERE a program runs: one TOML per device, one module per family."""
