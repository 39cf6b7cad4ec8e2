@ int32_t graphopt_depthwise_read16_u8(struct graphopt_depthwise *layer, const uint8_t *x,
@     int32_t row, int32_t slots);

.include "depthwise_layer.inc"
.include "depthwise_read.inc"

    read graphopt_depthwise_read16_u8, 64, uxtb, uxtb16
