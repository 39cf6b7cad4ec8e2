#include "depthwise_layer_c.inc"

#define SLOTS 8
#define COLUMNS 3
#define STRIDE 1
#define MULTIPLY graphopt_depthwise_3x3
#include "depthwise_multiply_c.inc"
