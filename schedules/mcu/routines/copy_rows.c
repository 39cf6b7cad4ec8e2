#include <stdint.h>
#include <string.h>

/*
 * For each pixel, copies `rows` rows of `nbytes` bytes, `step` bytes apart, to one place after the
 * other. Pixels lie `source_step` and `destination_step` bytes apart. The source may start at any
 * byte and must not meet the destination.
 */
int32_t graphopt_copy_rows(const void *source, void *destination, int32_t step, int32_t nbytes,
                           int32_t rows, int32_t pixels, int32_t source_step,
                           int32_t destination_step) {
    for (int32_t pixel = 0; pixel < pixels; pixel++) {
        const char *from = (const char *)source + pixel * source_step;
        char *to = (char *)destination + pixel * destination_step;
        for (int32_t row = 0; row < rows; row++) {
            memcpy(to + row * nbytes, from + row * step, (size_t)nbytes);
        }
    }
    return 0;
}
