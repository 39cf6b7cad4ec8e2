/* The caller of a model whose inputs or outputs pass by rows: they lie whole in its own memory. */

#include <stdint.h>

/* Rows from address `rows` on, of `row_bytes` each. */
struct stream {
  uint8_t *rows;
  uint32_t row_bytes;
};

static void copy(uint8_t *to, const uint8_t *from, uint32_t nbytes) {
  for (uint32_t i = 0; i < nbytes; i++) {
    to[i] = from[i];
  }
}

int stream_next_rows(void *ctx, void *rows, int first, int count);
int stream_next_rows(void *ctx, void *rows, int first, int count) {
  const struct stream *stream = ctx;
  copy(rows, stream->rows + (uint32_t)first * stream->row_bytes,
       (uint32_t)count * stream->row_bytes);
  return 0;
}

int stream_put_rows(void *ctx, const void *rows, int first, int count);
int stream_put_rows(void *ctx, const void *rows, int first, int count) {
  const struct stream *stream = ctx;
  copy(stream->rows + (uint32_t)first * stream->row_bytes, rows,
       (uint32_t)count * stream->row_bytes);
  return 0;
}
