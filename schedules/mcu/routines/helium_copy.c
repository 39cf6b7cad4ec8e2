#include <stdint.h>
#include <string.h>

/* `count` runs of `nbytes` bytes (more than 0), which start `from_pitch` and `to_pitch` bytes
 * apart. */
int32_t graphopt_helium_copy(const int8_t *from, int8_t *to, int32_t nbytes, int32_t count,
                             int32_t from_pitch, int32_t to_pitch) {
  for (int32_t i = 0; i < count; i++) {
    memcpy(to + i * to_pitch, from + i * from_pitch, (size_t)nbytes);
  }
  return 0;
}
