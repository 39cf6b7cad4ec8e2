#include "depthwise_layer_c.inc"

#define SLOTS 16
#define COLUMNS 5
#define STRIDE 1
#define MULTIPLY graphopt_depthwise_5
#include "depthwise_multiply_c.inc"
