/* An nbdkit plugin: any iSCSI disk as an NBD disk, with CRC32C digests. A thread and a session for each NBD client.
 *
 *   cc -O2 -fPIC -shared nbdkit_isthmus.c -o nbdkit_isthmus.so $(pkg-config --cflags --libs isthmus libcrypto)
 *   nbdkit ./nbdkit_isthmus.so iscsi://192.0.2.1:3260/iqn.2026-11.example:disk/0
 *
 * digests=CRC32C demands both digests, digests=None refuses them; without it they are used if the target has them.
 * secrets=FILE (mode 600) is for CHAP: a line NAME SECRET, and mutual NAME SECRET if the target is to prove itself too.
 * After a lost connection everything fails until the disk is opened again: nbdkit's --filter=retry does that. */
#define _GNU_SOURCE
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "chap.h"
#include "initiator_loop.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS /* of one client */
enum { kPiece = 1 << 20, kPieces = 32 };                    /* bytes of a READ or WRITE; so many at once */

static char host[256], port[16] = "3260", target[224], digests[16] = "CRC32C,None";
static uint32_t lun;
static struct chap chap; /* without a name: no CHAP */

struct handle {
  struct disk disk;
  uint64_t bytes;
  uint32_t block, piece;
  bool unmaps; /* the disk says that UNMAP is there (LBPME, SBC-3) */
};

static int config(const char* key, const char* value) {
  if (strcmp(key, "digests") == 0 && strlen(value) < sizeof digests) return strcpy(digests, value), 0;
  const char* wrong = "expected iscsi://HOST[:PORT]/TARGET/LUN, secrets=FILE or digests=CRC32C[,None]";
  if (strcmp(key, "secrets") == 0 && (wrong = chap_read(&chap, value)) == NULL) return 0;
  /* iscsi://HOST[:PORT]/TARGET/LUN, an IPv6 address in brackets */
  if (strcmp(key, "url") == 0 &&
      (sscanf(value, "iscsi://[%255[^]]]:%15[0-9]/%223[^/]/%u", host, port, target, &lun) == 4 ||
       sscanf(value, "iscsi://%255[^:/]:%15[0-9]/%223[^/]/%u", host, port, target, &lun) == 4 ||
       sscanf(value, "iscsi://%255[^:/]/%223[^/]/%u", host, target, &lun) == 3)) {
    return 0;
  }
  nbdkit_error("%s=%s: %s", key, value, wrong);
  return -1;
}

static int config_complete(void) {
  if (target[0] == 0) nbdkit_error("iscsi://HOST[:PORT]/TARGET/LUN is needed");
  return target[0] == 0 ? -1 : 0;
}

/* Runs the tasks; what failed is told to the client as an errno. */
static int run(struct handle* h, struct task* tasks, size_t count) {
  const int error = disk_run(&h->disk, lun, tasks, count);
  if (error == 0) return 0;
  nbdkit_error("command 0x%02x: %s%s%s", tasks[0].cdb[0], strerror(error), h->disk.over ? ": " : "",
               h->disk.over ? h->disk.why : "");
  nbdkit_set_error(error);
  return -1;
}

static void close_handle(void* handle) {
  struct handle* h = handle;
  disk_close(&h->disk);
  free(h);
}

static void* open_handle(int readonly) {
  (void)readonly;
  struct handle* h = calloc(1, sizeof *h);
  if (h == NULL) return NULL;
  isthmus_initiator_connection_options options;
  isthmus_initiator_connection_options_init(&options, sizeof options);
  options.initiator_name = "iqn.2026-11.example:nbdkit";
  options.target_name = target;
  if (chap.name) chap_use(&chap, &options);
  if (disk_open(&h->disk, host, port, &options, digests)) {
    nbdkit_error("%s: %s", target, h->disk.why);
    return free(h), NULL;
  }
  uint8_t capacity[32] = {0};
  struct task task = {.cdb = {0x9e, 0x10, [13] = sizeof capacity}, .in = capacity, .size = sizeof capacity};
  if (run(h, &task, 1)) return close_handle(h), NULL; /* READ CAPACITY(16) */
  h->block = (uint32_t)get(capacity + 8, 4);
  h->bytes = (get(capacity, 8) + 1) * h->block;
  if (h->block < 512) return nbdkit_error("blocks of %u bytes", h->block), close_handle(h), NULL;
  h->unmaps = capacity[14] & 0x80;
  /* tgt does not end its sequences of Data-In at MaxBurstLength (13.13), and loses its connection if one is longer. */
  isthmus_parameters parameters;
  if (isthmus_initiator_session_parameters(h->disk.session, &parameters, sizeof parameters))
    return close_handle(h), NULL;
  h->piece = parameters.MaxBurstLength < kPiece ? parameters.MaxBurstLength / h->block * h->block : kPiece;
  if (h->piece == 0) h->piece = h->block;
  return h;
}

static int64_t get_size(void* handle) { return (int64_t)((struct handle*)handle)->bytes; }

static int block_size(void* handle, uint32_t* minimum, uint32_t* preferred, uint32_t* maximum) {
  *minimum = ((struct handle*)handle)->block;
  *preferred = *minimum < 4096 ? 4096 : *minimum;
  *maximum = 64 << 20;
  return 0;
}

/* A CDB of 16 bytes with an LBA and a number of blocks: READ 0x88, WRITE 0x8a, WRITE SAME 0x93, SYNCHRONIZE CACHE 0x91.
 */
static int make(struct handle* h, struct task* task, uint8_t opcode, uint8_t flags, uint64_t offset, uint64_t size) {
  if (offset % h->block || size % h->block) return nbdkit_set_error(EINVAL), -1;
  task->cdb[0] = opcode;
  task->cdb[1] = flags;
  put(task->cdb + 2, offset / h->block, 8);
  put(task->cdb + 10, size / h->block, 4);
  return 0;
}

/* Pieces of a request are under way together, from and to nbdkit's buffer. */
static int transfer(struct handle* h, uint8_t opcode, uint8_t flags, const uint8_t* out, uint8_t* in, uint32_t count,
                    uint64_t offset) {
  for (uint32_t at = 0; at < count;) {
    struct task tasks[kPieces] = {0};
    uint32_t n = 0;
    for (; n < kPieces && at < count; at += tasks[n++].size) {
      tasks[n].size = count - at < h->piece ? count - at : h->piece;
      tasks[n].out = out ? out + at : NULL;
      tasks[n].in = in ? in + at : NULL;
      if (make(h, &tasks[n], opcode, flags, offset + at, tasks[n].size)) return -1;
    }
    if (run(h, tasks, n)) return -1;
  }
  return 0;
}

static int do_pread(void* handle, void* buffer, uint32_t count, uint64_t offset, uint32_t flags) {
  (void)flags;
  return transfer(handle, 0x88, 0, NULL, buffer, count, offset);
}

static uint8_t fua(uint32_t flags) { return flags & NBDKIT_FLAG_FUA ? 0x08 : 0; }

static int do_pwrite(void* handle, const void* buffer, uint32_t count, uint64_t offset, uint32_t flags) {
  return transfer(handle, 0x8a, fua(flags), buffer, NULL, count, offset);
}

static int do_flush(void* handle, uint32_t flags) {
  (void)flags;
  struct task task = {.cdb = {0x91}}; /* all blocks */
  return run(handle, &task, 1);
}

static int do_trim(void* handle, uint32_t count, uint64_t offset, uint32_t flags) {
  struct handle* h = handle;
  uint8_t list[24] = {[1] = 22, [3] = 16}; /* UNMAP: one descriptor (SBC-3) */
  struct task task = {.cdb = {0x42, [8] = sizeof list}, .out = list, .size = sizeof list};
  const uint64_t first = (offset + h->block - 1) / h->block, end = (offset + count) / h->block;
  if (first >= end) return 0; /* a hint, for whole blocks only */
  put(list + 8, first, 8);
  put(list + 16, end - first, 4);
  return run(h, &task, 1) || ((flags & NBDKIT_FLAG_FUA) && do_flush(h, 0)) ? -1 : 0;
}

static int do_zero(void* handle, uint32_t count, uint64_t offset, uint32_t flags) {
  static const uint8_t zeros[65536];
  struct handle* h = handle;
  struct task task = {.out = zeros, .size = h->block};
  if (h->block > sizeof zeros) return nbdkit_set_error(EOPNOTSUPP), -1; /* then nbdkit writes zeros itself */
  const uint8_t unmap = h->unmaps && (flags & NBDKIT_FLAG_MAY_TRIM) ? 0x08 : 0;
  if (make(h, &task, 0x93, unmap, offset, count)) return -1;
  const int error = disk_run(&h->disk, lun, &task, 1);
  if (error) return nbdkit_set_error(error), -1;
  return (flags & NBDKIT_FLAG_FUA) ? do_flush(h, 0) : 0;
}

static void unload(void) { chap_wipe(&chap); }
static int yes(void* handle) { return (void)handle, 1; }
static int can_trim(void* handle) { return ((struct handle*)handle)->unmaps; }
static int can_fua(void* handle) { return (void)handle, NBDKIT_FUA_NATIVE; }

static struct nbdkit_plugin plugin = {
    .name = "isthmus",
    .longname = "iSCSI disk, by Isthmus",
    .magic_config_key = "url",
    .config = config,
    .config_complete = config_complete,
    .unload = unload,
    .open = open_handle,
    .close = close_handle,
    .get_size = get_size,
    .block_size = block_size,
    .can_multi_conn = yes, /* a disk is one, whichever session asks: a flush is of all of it */
    .can_trim = can_trim,
    .can_fua = can_fua,
    .pread = do_pread,
    .pwrite = do_pwrite,
    .flush = do_flush,
    .trim = do_trim,
    .zero = do_zero,
};
NBDKIT_REGISTER_PLUGIN(plugin)
