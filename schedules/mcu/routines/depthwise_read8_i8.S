@ int32_t graphopt_depthwise_read8_i8(struct graphopt_depthwise *layer, const int8_t *x,
@     int32_t row, int32_t slots);

.include "depthwise_layer.inc"
.include "depthwise_read.inc"

    read graphopt_depthwise_read8_i8, 32, sxtb, sxtb16
