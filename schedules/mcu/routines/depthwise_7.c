#include "depthwise_layer_c.inc"

#define SLOTS 16
#define COLUMNS 7
#define STRIDE 1
#define MULTIPLY graphopt_depthwise_7
#include "depthwise_multiply_c.inc"
