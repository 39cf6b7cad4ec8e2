/* A plugin of QEMU 7.2 (TCG plugin API, version 1) that counts the instructions a call executes.
 *
 * Arguments: begin=ADDRESS, the calling instruction; end=ADDRESS, the instruction after it;
 * entry=ADDRESS, repeated, first instructions of functions; detail=on|off; out=FILE;
 * from=ADDRESS, to=ADDRESS, the first byte of some memory and the one behind its last.
 * Between `begin` and `end` the file grows by records of 64-bit little-endian words:
 *   OPEN, entry          execution reached `begin` (entry 0) or the entry of that number, from 1
 *   CLOSE, instructions, loads, stores, unaligned, reach, n, n pairs (address, instructions)
 *                        what was executed since the last OPEN; only the first with detail=off
 * Unaligned are accesses to addresses that are no multiple of the bytes accessed. The reach is the
 * address behind the highest byte accessed of the memory between `from` and `to`, 0 if none was.
 * A record OPEN is on disk before execution goes on. An emulator that is told to stop inside a call
 * closes the record that is open. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Declarations of qemu-plugin.h, which Debian does not install. */

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef void (*translated)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*executed)(unsigned vcpu, void *data);
typedef uint32_t qemu_plugin_meminfo_t;
typedef void (*accessed)(unsigned vcpu, qemu_plugin_meminfo_t, uint64_t address, void *data);
typedef void (*leaving)(qemu_plugin_id_t, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translated);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, executed,
                                            enum qemu_plugin_cb_flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, enum qemu_plugin_op,
                                                void *counter, uint64_t step);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, accessed,
                                      enum qemu_plugin_cb_flags, enum qemu_plugin_mem_rw,
                                      void *data);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, leaving, void *data);

EXPORT int qemu_plugin_version = 1;

/* Counters by address: pages that instructions were seen in. */

enum { PAGE_BYTES = 4096, INSTRUCTION_BYTES = 2, SLOTS = PAGE_BYTES / INSTRUCTION_BYTES };

struct page {
  struct page *next;
  uint64_t address;
  uint64_t executed[SLOTS];
};

enum { OPEN = 1, CLOSE = 2 };

static struct page *pages;
static uint64_t loads, stores, unaligned, reach;
static uint64_t from_address, to_address;
static uint64_t begin_address, end_address;
static uint64_t *entries;
static size_t entry_count;
static bool detailed = true, counting;
static FILE *out;

static void *checked(void *memory) {
  if (memory == NULL) {
    fputs("plugin: out of memory\n", stderr);
    exit(EXIT_FAILURE);
  }
  return memory;
}

static uint64_t *counter_of(uint64_t address) {
  const uint64_t start = address & ~(uint64_t)(PAGE_BYTES - 1);
  struct page *page = pages;
  while (page != NULL && page->address != start) {
    page = page->next;
  }
  if (page == NULL) {
    page = checked(calloc(1, sizeof *page));
    page->address = start;
    page->next = pages;
    pages = page;
  }
  return &page->executed[(address - start) / INSTRUCTION_BYTES];
}

static void put(uint64_t word) { fwrite(&word, sizeof word, 1, out); }

static void close_record(void) {
  uint64_t instructions = 0, different = 0;
  for (const struct page *page = pages; page != NULL; page = page->next) {
    for (size_t slot = 0; slot < SLOTS; slot++) {
      instructions += page->executed[slot];
      different += page->executed[slot] != 0;
    }
  }
  put(CLOSE);
  put(instructions);
  put(loads);
  put(stores);
  put(unaligned);
  put(reach);
  put(detailed ? different : 0);
  for (const struct page *page = pages; detailed && page != NULL; page = page->next) {
    for (size_t slot = 0; slot < SLOTS; slot++) {
      if (page->executed[slot] != 0) {
        put(page->address + slot * INSTRUCTION_BYTES);
        put(page->executed[slot]);
      }
    }
  }
}

static void open_record(uint64_t entry) {
  for (struct page *page = pages; page != NULL; page = page->next) {
    memset(page->executed, 0, sizeof page->executed);
  }
  loads = stores = unaligned = reach = 0;
  put(OPEN);
  put(entry);
  fflush(out);
}

static void on_begin(unsigned vcpu, void *data) {
  (void)vcpu, (void)data;
  counting = true;
  open_record(0);
}

static void on_entry(unsigned vcpu, void *data) {
  (void)vcpu;
  if (counting) {
    close_record();
    open_record((uint64_t)((uint64_t *)data - entries) + 1);
  }
}

static void on_end(unsigned vcpu, void *data) {
  (void)vcpu, (void)data;
  if (counting) {
    counting = false;
    close_record();
  }
}

static void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
  (void)vcpu, (void)data;
  *(qemu_plugin_mem_is_store(info) ? &stores : &loads) += 1;
  const uint64_t nbytes = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
  unaligned += (address & (nbytes - 1)) != 0;
  if (address >= from_address && address < to_address && address + nbytes > reach) {
    reach = address + nbytes;
  }
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  const size_t count = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < count; i++) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
    const uint64_t address = qemu_plugin_insn_vaddr(instruction);
    if (address == begin_address) {
      /* Not counted itself: the window opens behind it. */
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, QEMU_PLUGIN_CB_NO_REGS, NULL);
      continue;
    }
    if (address == end_address) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
    for (size_t k = 0; k < entry_count; k++) {
      if (address == entries[k]) {
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_entry, QEMU_PLUGIN_CB_NO_REGS,
                                               &entries[k]);
      }
    }
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64,
                                               counter_of(address), 1);
    if (detailed) {
      qemu_plugin_register_vcpu_mem_cb(instruction, on_access, QEMU_PLUGIN_CB_NO_REGS,
                                       QEMU_PLUGIN_MEM_RW, NULL);
    }
  }
}

static void on_exit_(qemu_plugin_id_t id, void *data) {
  on_end(0, NULL);
  (void)id, (void)data;
  fclose(out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                               char **argv) {
  (void)info;
  entries = checked(calloc((size_t)argc, sizeof *entries));
  for (int i = 0; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (value == NULL) {
      return -1;
    }
    *value++ = '\0';
    if (strcmp(argv[i], "begin") == 0) {
      begin_address = strtoull(value, NULL, 0);
    } else if (strcmp(argv[i], "end") == 0) {
      end_address = strtoull(value, NULL, 0);
    } else if (strcmp(argv[i], "from") == 0) {
      from_address = strtoull(value, NULL, 0);
    } else if (strcmp(argv[i], "to") == 0) {
      to_address = strtoull(value, NULL, 0);
    } else if (strcmp(argv[i], "entry") == 0) {
      entries[entry_count++] = strtoull(value, NULL, 0);
    } else if (strcmp(argv[i], "detail") == 0) {
      detailed = strcmp(value, "on") == 0;
    } else if (strcmp(argv[i], "out") == 0) {
      out = fopen(value, "wb");
    } else {
      return -1;
    }
  }
  if (out == NULL) {
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
  return 0;
}
