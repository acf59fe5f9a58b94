/* A SCSI disk in a mapped file, for target_loop.c: what stock initiators ask of a disk at the least, from a table.
 * Windows of write data and sources of read data are the file itself. SBC-3, SPC-4; sections of RFC 7143 where iSCSI
 * has its say. */
#include "example.h"

enum { kBlock = 512, kStagingBytes = 1 << 20 };
static uint8_t* disk; /* the mapped file */
static uint64_t blocks;

/* What the device keeps of a task until it is released. */
struct slot {
  uint64_t size; /* that the command asked for, in bytes */
  bool fua;
  uint8_t answer[64];
};

/* The SCSI commands: where LBA and length stand (SBC-3, SPC-4), and what is done. */
enum action { kNothing, kRead, kWrite, kFlush, kInquiry, kModeSense, kSense, kCapacity10, kCapacity16, kLuns };
static const struct command {
  uint8_t opcode, action, lba, lba_bytes, count,
      count_bytes; /* byte positions; `count`: blocks, or allocation length */
} kCommands[] = {
    {0x00, kNothing, 0, 0, 0, 0},    {0x03, kSense, 0, 0, 4, 1},       {0x08, kRead, 1, 3, 4, 1},
    {0x0a, kWrite, 1, 3, 4, 1},      {0x12, kInquiry, 0, 0, 3, 2},     {0x1a, kModeSense, 0, 0, 4, 1},
    {0x25, kCapacity10, 0, 0, 0, 0}, {0x28, kRead, 2, 4, 7, 2},        {0x2a, kWrite, 2, 4, 7, 2},
    {0x35, kFlush, 0, 0, 0, 0},      {0x88, kRead, 2, 8, 10, 4},       {0x8a, kWrite, 2, 8, 10, 4},
    {0x91, kFlush, 0, 0, 0, 0},      {0x9e, kCapacity16, 0, 0, 10, 4}, {0xa0, kLuns, 0, 0, 6, 4},
    {0xa8, kRead, 2, 4, 6, 4},       {0xaa, kWrite, 2, 4, 6, 4},
};
static const uint16_t kInvalidOpcode = 0x2000, kOutOfRange = 0x2100, kInvalidField = 0x2400, kNoLun = 0x2500;

struct plan {
  const struct command* command; /* NULL: refused */
  uint64_t offset, size;         /* of READ and WRITE, in bytes of the disk */
  uint16_t problem;              /* ASC, ASCQ */
};

static struct plan plan_of(const isthmus_target_event* e) {
  struct plan p = {.problem = kInvalidOpcode};
  for (size_t i = 0; i < sizeof kCommands / sizeof *kCommands; ++i) {
    if (kCommands[i].opcode == e->cdb[0]) p.command = &kCommands[i];
  }
  if (!p.command) return p;
  const struct command* c = p.command;
  const bool moves = c->action == kRead || c->action == kWrite;
  uint64_t lba = get(e->cdb + c->lba, c->lba_bytes), count = get(e->cdb + c->count, c->count_bytes);
  if (c->opcode < 0x10 && moves) lba &= 0x1fffff, count = count ? count : 256; /* READ(6), WRITE(6) */
  p.offset = lba * kBlock;
  p.size = count * kBlock;
  const bool other_lun = get(e->lun, 8) != 0 && c->action != kInquiry && c->action != kLuns && c->action != kSense;
  if (other_lun)
    p.problem = kNoLun;
  else if (moves && c->opcode > 0x10 && (e->cdb[1] & 0xe0))
    p.problem = kInvalidField; /* no protection information */
  else if (moves && (lba > blocks || count > blocks - lba))
    p.problem = kOutOfRange;
  else
    p.problem = 0;
  if (p.problem) p.command = NULL;
  return p;
}

/* The answer of commands that read parameters: its length. */
static size_t parameters(const isthmus_target_event* e, enum action action, uint8_t out[64]) {
  memset(out, 0, 64);
  const bool other_lun = get(e->lun, 8) != 0;
  switch (action) {
    case kInquiry:
      if (e->cdb[1] & 1) { /* vital product data: which pages there are, and a designator */
        if (e->cdb[2] == 0x00) return put(out, 0x0000000200830000, 8), out[3] = 2, out[4] = 0, out[5] = 0x83, 6;
        if (e->cdb[2] != 0x83) return 0;
        memcpy(out, "\0\x83\0\x18\2\1\0\x14ISTHMUS file disk   ", 28);
        return 28;
      }
      memcpy(out, "\0\0\6\2\x1f\0\0\2ISTHMUS file disk       0.1 ", 36);
      if (other_lun) out[0] = 0x7f;
      return 36;
    case kModeSense: return out[0] = 3, out[2] = 0x10, 4; /* DPOFUA */
    case kSense: return out[0] = 0x70, out[7] = 10, out[2] = other_lun ? 5 : 0, out[12] = other_lun ? 0x25 : 0, 18;
    case kCapacity10: return put(out, blocks > UINT32_MAX ? UINT32_MAX : blocks - 1, 4), put(out + 4, kBlock, 4), 8;
    case kCapacity16: return (e->cdb[1] & 0x1f) == 0x10 ? (put(out, blocks - 1, 8), put(out + 8, kBlock, 4), 32) : 0;
    case kLuns: return put(out, 8, 4), 16;
    default: return 0;
  }
}

static int complete(isthmus_target_session* session, isthmus_target_task task, uint16_t problem, uint64_t asked_for) {
  const uint8_t sense[18] = {0x70, 0, 5, [7] = 10, [12] = (uint8_t)(problem >> 8), [13] = (uint8_t)problem};
  isthmus_target_completion completion;
  isthmus_target_completion_init(&completion, sizeof completion);
  completion.transfer_length = asked_for; /* against the expected length: the residual (11.4.5) */
  if (problem) completion.status = 2, completion.sense = sense, completion.sense_size = sizeof sense;
  return isthmus_target_session_complete(session, task, &completion);
}

/* COMMAND: serves it; what is not 0 ends the session, as below. */
static int disk_command(isthmus_target_session* session, struct slot* slot, const isthmus_target_event* e) {
  struct plan plan = plan_of(e);
  const enum action action = plan.command ? (enum action)plan.command->action : kNothing;
  const uint8_t* source = disk + plan.offset;
  slot->fua = plan.command && plan.command->opcode > 0x10 && (e->cdb[1] & 0x08);
  if (action == kWrite) {
    const uint64_t window = plan.size < e->expected_data_transfer_length ? plan.size : e->expected_data_transfer_length;
    slot->size = plan.size;
    if (e->write && window > 0)
      return isthmus_target_session_accept_data(session, e->task, 0, disk + plan.offset, window);
  } else if (action == kFlush) {
    msync(disk, blocks * kBlock, MS_SYNC);
  } else if (action >= kInquiry) {
    const uint64_t there = parameters(e, action, slot->answer);
    const uint64_t room = get(e->cdb + plan.command->count, plan.command->count_bytes);
    if (there == 0) plan.problem = kInvalidField;
    plan.size = plan.command->count_bytes == 0 || there < room ? there : room;
    source = slot->answer;
  }
  /* The file may be written meanwhile: unstable, so that what is digested is what is sent. A piece fits staging_bytes.
   */
  const bool answers = action == kRead || action >= kInquiry;
  uint64_t size = answers && e->read && !plan.problem ? plan.size : 0, at = 0;
  if (size > e->expected_data_transfer_length) size = e->expected_data_transfer_length;
  int refused = 0;
  for (; at < size && !refused; at += kStagingBytes) {
    const uint64_t piece = size - at < kStagingBytes ? size - at : kStagingBytes;
    refused =
        isthmus_target_session_send_data(session, e->task, (uint32_t)at, source + at, piece, ISTHMUS_SEND_UNSTABLE);
  }
  if (refused) return refused;
  return complete(session, e->task, plan.problem, plan.problem || action == kFlush ? 0 : plan.size);
}

/* DATA_RECEIVED: the file has it. */
static int disk_written(isthmus_target_session* session, const struct slot* slot, const isthmus_target_event* e) {
  if (slot->fua) msync(disk, blocks * kBlock, MS_SYNC);
  return complete(session, e->task, 0, slot->size);
}

static int disk_open(const char* path) {
  struct stat file;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &file) || file.st_size < kBlock) return -1;
  blocks = (uint64_t)file.st_size / kBlock;
  disk = mmap(NULL, blocks * kBlock, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return disk == MAP_FAILED ? -1 : 0;
}
