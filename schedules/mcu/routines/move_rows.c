#include <stdint.h>

/*
 * Moves `rows` rows of `nbytes` bytes, which start so many bytes apart in destination and source.
 * A row may move downwards by any distance within the memory it lies in: it is copied from its first
 * byte to its last.
 */
int32_t graphopt_move_rows(void *destination, const void *source, int32_t nbytes, int32_t rows,
                           int32_t destination_step, int32_t source_step) {
    for (int32_t row = 0; row < rows; row++) {
        uint8_t *to = (uint8_t *)destination + row * destination_step;
        const uint8_t *from = (const uint8_t *)source + row * source_step;
        for (int32_t i = 0; i < nbytes; i++) {
            to[i] = from[i];
        }
    }
    return 0;
}
