#include "depthwise_layer_c.inc"

#define SLOTS 16
#define COLUMNS 7
#define STRIDE 2
#define MULTIPLY graphopt_depthwise_7_stride2
#include "depthwise_multiply_c.inc"
