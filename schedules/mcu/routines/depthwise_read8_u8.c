#include "depthwise_layer_c.inc"

#define ELEMENT uint8_t
#define SLOTS 8
#define READ graphopt_depthwise_read8_u8
#include "depthwise_read_c.inc"
