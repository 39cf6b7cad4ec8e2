"""Program -> what a firmware project takes in: kernels as an archive or as C, driver, header."""
