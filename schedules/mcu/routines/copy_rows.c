#include <stdint.h>
#include <string.h>

/*
 * Copies `rows` rows of `nbytes` bytes, `step` bytes apart, to one place after the other. The
 * source may start at any byte and must not meet the destination.
 */
int32_t graphopt_copy_rows(const void *source, void *destination, int32_t step, int32_t nbytes,
                           int32_t rows) {
    for (int32_t row = 0; row < rows; row++) {
        memcpy((uint8_t *)destination + row * nbytes, (const uint8_t *)source + row * step,
               (size_t)nbytes);
    }
    return 0;
}
