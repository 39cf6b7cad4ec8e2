"""Building and running code for microcontrollers: toolchain, emulator, exact counts."""
