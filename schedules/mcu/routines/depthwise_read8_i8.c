#include "depthwise_layer_c.inc"

#define ELEMENT int8_t
#define SLOTS 8
#define READ graphopt_depthwise_read8_i8
#include "depthwise_read_c.inc"
