#include "depthwise_layer_c.inc"
#define ELEMENT uint8_t
#define READ graphopt_depthwise_read_u8
#include "depthwise_read_c.inc"
#undef ELEMENT
#undef READ
