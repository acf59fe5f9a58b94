#include "pair.h"

#include <stdlib.h>
#include <string.h>

static const char kTarget[] = "iqn.2026-11.example.target:disk";
static const char kInitiator[] = "iqn.2026-11.example.host:c";

static uint32_t big32(const uint8_t* at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* ---- The target's embedder. */

static void check(struct pair* pair, int error) {
  if (error != ISTHMUS_OK) ++pair->target_errors;
}

/* READ(10), WRITE(10) and TEST UNIT READY; anything else is an illegal request. */
static void serve(struct pair* pair, const isthmus_target_event* event) {
  const uint8_t* cdb = event->cdb;
  uint8_t* at = pair->disk + (size_t)big32(cdb + 2) * PAIR_BLOCK;
  const size_t length = (size_t)(cdb[7] << 8 | cdb[8]) * PAIR_BLOCK;
  const uint32_t flags = pair->options.staging_bytes > 0 ? ISTHMUS_SEND_UNSTABLE | ISTHMUS_SEND_NOTIFY : 0;
  static const uint8_t kSense[18] = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20};
  isthmus_target_completion completion;
  isthmus_target_completion_init(&completion, sizeof completion);
  switch (cdb[0]) {
    case 0x00:
      break;
    case 0x28:
      check(pair, isthmus_target_session_send_data(pair->target, event->task, 0, at, length, flags));
      break;
    case 0x2a:
      check(pair, isthmus_target_session_accept_tagged_data(pair->target, event->task, 0, at, length,
                                                            pair->options.device_tag));
      return;
    default:
      completion.status = 2;
      completion.sense = kSense;
      completion.sense_size = sizeof kSense;
  }
  check(pair, isthmus_target_session_complete(pair->target, event->task, &completion));
}

static void look_up(struct pair* pair) {
  isthmus_target_lookup_answer answer;
  isthmus_target_lookup_answer_init(&answer, sizeof answer);
  answer.offer = pair->target_offer;
  answer.target_portal_group_tag = 1;
  if (pair->options.secret != NULL) {
    isthmus_target_account* account = &pair->account;
    account->size = sizeof *account;
    account->user_name = "alice";
    account->secret.data = pair->options.secret;
    account->secret.size = strlen(pair->options.secret);
    if (pair->options.mutual_secret != NULL) {
      account->mutual_name = "target";
      account->mutual_secret.data = pair->options.mutual_secret;
      account->mutual_secret.size = strlen(pair->options.mutual_secret);
    }
    answer.accounts = account;
    answer.account_count = 1;
    answer.require_chap = true;
  }
  check(pair, isthmus_target_connection_answer_lookup(pair->target_connection, &answer));
}

static void close_target(struct pair* pair) {
  pair->target_closed = true;
  if (pair->target != NULL) {
    isthmus_target_session_on_transport_closed(pair->target, pair->target_id, 0);
  } else {
    isthmus_target_connection_on_transport_closed(pair->target_connection, 0);
  }
}

static void begin_target_session(struct pair* pair) {
  isthmus_target_limits limits;
  isthmus_target_limits_init(&limits, sizeof limits);
  limits.staging_bytes = pair->options.staging_bytes;
  limits.device_tag_bits = pair->options.device_tag_bits;
  isthmus_target_session_options options;
  isthmus_target_session_options_init(&options, sizeof options);
  options.limits = &limits;
  const size_t size = isthmus_target_session_size(&options);
  pair->memory[2] = malloc(size);
  check(pair, isthmus_target_session_init(pair->memory[2], size, &options, &pair->target));
  check(pair, isthmus_target_session_attach(pair->target, pair->target_connection, &pair->target_id));
}

static void answer_send_targets(struct pair* pair, const isthmus_target_event* event) {
  size_t used = isthmus_write_target_name(pair->text, sizeof pair->text, 0, kTarget);
  used = isthmus_write_target_address(pair->text, sizeof pair->text, used, "192.0.2.1:3260", 1);
  check(pair, isthmus_target_session_answer_text(pair->target, event->request, pair->text, used));
}

static void on_target(struct pair* pair, const isthmus_target_event* event) {
  ++pair->target_events[event->kind];
  pair->last_target[event->kind] = *event;
  switch (event->kind) {
    case ISTHMUS_TARGET_LOOKUP:
      look_up(pair);
      break;
    case ISTHMUS_TARGET_CLAIM: {
      isthmus_target_claim_answer answer;
      isthmus_target_claim_answer_init(&answer, sizeof answer);
      answer.tsih = 1;
      check(pair, isthmus_target_connection_answer_claim(pair->target_connection, &answer));
      break;
    }
    case ISTHMUS_TARGET_LOGIN_DONE:
      begin_target_session(pair);
      break;
    case ISTHMUS_TARGET_BEGIN:
      if (pair->options.unasked) {
        serve(pair, event);
      } else {
        check(pair, isthmus_target_session_refuse(pair->target, event->task, 0x08));
      }
      break;
    case ISTHMUS_TARGET_COMMAND:
      if (pair->options.hold) {
        pair->held[pair->held_count++ % 64] = event->task;
      } else if (!(pair->options.unasked && event->write && pair->target_events[ISTHMUS_TARGET_BEGIN] > 0)) {
        serve(pair, event);
      }
      break;
    case ISTHMUS_TARGET_DATA_RECEIVED:
      check(pair, isthmus_target_session_complete(pair->target, event->task, NULL));
      break;
    case ISTHMUS_TARGET_TASK_ABORTED:
      check(pair, isthmus_target_session_release(pair->target, event->task));
      break;
    case ISTHMUS_TARGET_TASK_MANAGEMENT:
      check(pair, isthmus_target_session_answer_task_management(pair->target, event->request, 0, 0));
      break;
    case ISTHMUS_TARGET_SEND_TARGETS:
      answer_send_targets(pair, event);
      break;
    case ISTHMUS_TARGET_ARM_DIGESTS:
      if (pair->options.offload != NULL)
        check(pair, isthmus_target_session_set_offload(pair->target, event->connection, pair->options.offload));
      break;
    case ISTHMUS_TARGET_DISCONNECT:
      if (!event->flush) close_target(pair);
      break;
    case ISTHMUS_TARGET_SESSION_ENDED:
      pair->target_ended = true;
      break;
    default:
      break;
  }
}

/* ---- The initiator's embedder. */

static void close_initiator(struct pair* pair) {
  pair->initiator_closed = true;
  if (pair->initiator != NULL) {
    isthmus_initiator_session_on_transport_closed(pair->initiator, pair->initiator_id, 0);
  } else {
    isthmus_initiator_connection_on_transport_closed(pair->initiator_connection, 0);
  }
}

static void begin_initiator_session(struct pair* pair) {
  isthmus_initiator_limits limits;
  isthmus_initiator_limits_init(&limits, sizeof limits);
  limits.device_tag_bits = pair->options.device_tag_bits;
  isthmus_initiator_session_options options;
  isthmus_initiator_session_options_init(&options, sizeof options);
  options.limits = &limits;
  const size_t size = isthmus_initiator_session_size(&options);
  pair->memory[3] = malloc(size);
  check(pair, isthmus_initiator_session_init(pair->memory[3], size, &options, &pair->initiator));
  check(pair,
        isthmus_initiator_session_attach(pair->initiator, pair->initiator_connection, &pair->initiator_id));
}

static void on_initiator(struct pair* pair, const isthmus_initiator_event* event) {
  ++pair->initiator_events[event->kind];
  pair->last_initiator[event->kind] = *event;
  switch (event->kind) {
    case ISTHMUS_INITIATOR_LOGIN_DONE:
      begin_initiator_session(pair);
      break;
    case ISTHMUS_INITIATOR_COMPLETED:
      pair->completed[pair->completed_count++ % PAIR_EVENTS] = *event;
      break;
    case ISTHMUS_INITIATOR_ARM_DIGESTS:
      if (pair->options.offload != NULL)
        check(pair, isthmus_initiator_session_set_offload(pair->initiator, event->connection, pair->options.offload));
      break;
    case ISTHMUS_INITIATOR_DISCONNECT:
      close_initiator(pair);
      break;
    case ISTHMUS_INITIATOR_SESSION_ENDED:
      pair->initiator_ended = true;
      break;
    default:
      break;
  }
}

/* ---- What is between them. */

bool pair_drain(struct pair* pair) {
  bool any = false;
  isthmus_target_event from_target;
  while (pair->target != NULL ? isthmus_target_session_next(pair->target, &from_target)
                              : isthmus_target_connection_next(pair->target_connection, &from_target)) {
    on_target(pair, &from_target);
    any = true;
  }
  isthmus_initiator_event from_initiator;
  while (pair->initiator != NULL
             ? isthmus_initiator_session_next(pair->initiator, &from_initiator)
             : isthmus_initiator_connection_next(pair->initiator_connection, &from_initiator)) {
    on_initiator(pair, &from_initiator);
    any = true;
  }
  return any;
}

/* At most `limit` bytes of the first slice. */
static size_t to_cross(const isthmus_tx_slice* slices, size_t count, size_t limit) {
  if (count == 0) return 0;
  return limit == 0 || slices[0].size < limit ? slices[0].size : limit;
}

static bool to_target(struct pair* pair) {
  isthmus_tx_slice slices[16];
  const size_t count =
      pair->initiator != NULL
          ? isthmus_initiator_session_poll_transmit(pair->initiator, pair->initiator_id, slices, 16, pair->now_ns)
          : isthmus_initiator_connection_poll_transmit(pair->initiator_connection, slices, 16, pair->now_ns);
  const size_t size = to_cross(slices, count, pair->options.chunk);
  if (size == 0) return false;
  if (!pair->target_closed) {
    isthmus_rx_segment segment;
    isthmus_rx_segment_init(&segment, sizeof segment);
    segment.stream_offset = pair->to_target;
    segment.data = slices[0].data;
    segment.data_size = size;
    const bool taken =
        pair->target != NULL
            ? isthmus_target_session_receive(pair->target, pair->target_id, &segment, pair->now_ns)
            : isthmus_target_connection_receive(pair->target_connection, &segment, pair->now_ns);
    if (!taken && !pair->target_closed) return false;
    while (pair_drain(pair)) {
    }
  }
  pair->to_target += size;
  if (pair->initiator != NULL) {
    isthmus_initiator_session_on_sent(pair->initiator, pair->initiator_id, size);
    isthmus_initiator_session_on_transport_done(pair->initiator, pair->initiator_id, pair->to_target);
  } else {
    isthmus_initiator_connection_on_sent(pair->initiator_connection, size);
    isthmus_initiator_connection_on_transport_done(pair->initiator_connection, pair->to_target);
  }
  return true;
}

static bool to_initiator(struct pair* pair) {
  isthmus_tx_slice slices[16];
  const size_t count =
      pair->target != NULL
          ? isthmus_target_session_poll_transmit(pair->target, pair->target_id, slices, 16, pair->now_ns)
          : isthmus_target_connection_poll_transmit(pair->target_connection, slices, 16, pair->now_ns);
  const size_t size = to_cross(slices, count, pair->options.chunk);
  if (size == 0) return false;
  if (!pair->initiator_closed) {
    isthmus_rx_segment segment = {.size = sizeof segment};
    segment.stream_offset = pair->to_initiator;
    segment.data = slices[0].data;
    segment.data_size = size;
    const bool taken =
        pair->initiator != NULL
            ? isthmus_initiator_session_receive(pair->initiator, pair->initiator_id, &segment, pair->now_ns)
            : isthmus_initiator_connection_receive(pair->initiator_connection, &segment, pair->now_ns);
    if (!taken && !pair->initiator_closed) return false;
    while (pair_drain(pair)) {
    }
  }
  pair->to_initiator += size;
  if (pair->target != NULL) {
    isthmus_target_session_on_sent(pair->target, pair->target_id, size);
    isthmus_target_session_on_transport_done(pair->target, pair->target_id, pair->to_initiator);
  } else {
    isthmus_target_connection_on_sent(pair->target_connection, size);
    isthmus_target_connection_on_transport_done(pair->target_connection, pair->to_initiator);
  }
  return true;
}

void pair_run(struct pair* pair) {
  bool moved = true;
  while (moved) {
    moved = pair_drain(pair);
    moved |= to_target(pair);
    moved |= to_initiator(pair);
    if (!moved && pair->target_events[ISTHMUS_TARGET_DISCONNECT] > 0 && !pair->target_closed) {
      close_target(pair);
      moved = true;
    }
    if (!moved && pair->target_closed && !pair->initiator_closed) {
      close_initiator(pair);
      moved = true;
    }
    if (!moved && pair->initiator_closed && !pair->target_closed) {
      close_target(pair);
      moved = true;
    }
  }
}

bool pair_login(struct pair* pair) {
  pair_run(pair);
  return pair->target != NULL && pair->initiator != NULL;
}

void pair_cut(struct pair* pair) {
  close_target(pair);
  close_initiator(pair);
  while (pair_drain(pair)) {
  }
}

/* ---- Making it. */

static isthmus_offer* make_offer(struct pair* pair, int role, void** memory) {
  isthmus_offer* offer = NULL;
  *memory = malloc(isthmus_offer_size());
  check(pair, isthmus_offer_init(*memory, isthmus_offer_size(), role, &offer));
  for (const char* const* key = pair->options.keys; key != NULL && *key != NULL; key += 2) {
    check(pair, isthmus_offer_set(offer, key[0], key[1]));
  }
  return offer;
}

static void make_target(struct pair* pair) {
  isthmus_target_limits limits;
  isthmus_target_limits_init(&limits, sizeof limits);
  limits.staging_bytes = pair->options.staging_bytes;
  limits.device_tag_bits = pair->options.device_tag_bits;
  isthmus_target_connection_options options;
  isthmus_target_connection_options_init(&options, sizeof options);
  options.limits = &limits;
  options.hashes = pair->options.hashes;
  options.hash_count = pair->options.hash_count;
  options.trace = pair->options.trace;
  options.trace_source = 1;
  memset(options.entropy, 0x5a, sizeof options.entropy);
  const size_t size = isthmus_target_connection_size(&options);
  pair->memory[0] = malloc(size);
  check(pair, isthmus_target_connection_init(pair->memory[0], size, &options, &pair->target_connection));
}

static void make_initiator(struct pair* pair) {
  isthmus_initiator_limits limits;
  isthmus_initiator_limits_init(&limits, sizeof limits);
  limits.device_tag_bits = pair->options.device_tag_bits;
  isthmus_initiator_connection_options options;
  isthmus_initiator_connection_options_init(&options, sizeof options);
  options.limits = &limits;
  options.initiator_name = kInitiator;
  options.target_name = pair->options.discovery ? NULL : kTarget;
  options.isid[0] = 0x80;
  options.offer = pair->initiator_offer;
  if (pair->options.secret != NULL) {
    const char* secret = pair->options.wrong_secret != NULL ? pair->options.wrong_secret : pair->options.secret;
    options.chap_name = "alice";
    options.chap_secret.data = secret;
    options.chap_secret.size = strlen(secret);
    options.hashes = pair->options.hashes;
    options.hash_count = pair->options.hash_count;
    if (pair->options.mutual_secret != NULL) {
      options.chap_target_name = "target";
      options.chap_target_secret.data = pair->options.mutual_secret;
      options.chap_target_secret.size = strlen(pair->options.mutual_secret);
    }
  }
  options.trace = pair->options.trace;
  options.trace_source = 2;
  memset(options.entropy, 0xa5, sizeof options.entropy);
  const size_t size = isthmus_initiator_connection_size(&options);
  pair->memory[1] = malloc(size);
  check(pair, isthmus_initiator_connection_init(pair->memory[1], size, &options, &pair->initiator_connection));
}

struct pair* pair_create(const struct pair_options* options) {
  struct pair* pair = calloc(1, sizeof *pair);
  pair->options = *options;
  pair->disk = calloc(PAIR_BLOCKS, PAIR_BLOCK);
  pair->target_offer = make_offer(pair, ISTHMUS_TARGET, &pair->memory[4]);
  pair->initiator_offer = make_offer(pair, ISTHMUS_INITIATOR, &pair->memory[5]);
  make_target(pair);
  make_initiator(pair);
  if (pair->target_errors == 0) return pair;
  pair_destroy(pair);
  return NULL;
}

void pair_destroy(struct pair* pair) {
  if (pair == NULL) return;
  isthmus_target_connection_destroy(pair->target_connection);
  isthmus_target_session_destroy(pair->target);
  isthmus_initiator_connection_destroy(pair->initiator_connection);
  isthmus_initiator_session_destroy(pair->initiator);
  for (size_t i = 0; i < sizeof pair->memory / sizeof *pair->memory; ++i) free(pair->memory[i]);
  free(pair->disk);
  free(pair);
}

/* ---- Commands. */

static int submit(struct pair* pair, uint8_t opcode, uint32_t lba, const void* out, void* in, uint16_t blocks,
                  uint64_t cookie, uint32_t* task) {
  const uint8_t cdb[10] = {opcode,
                           0,
                           (uint8_t)(lba >> 24),
                           (uint8_t)(lba >> 16),
                           (uint8_t)(lba >> 8),
                           (uint8_t)lba,
                           0,
                           (uint8_t)(blocks >> 8),
                           (uint8_t)blocks,
                           0};
  isthmus_initiator_command command;
  isthmus_initiator_command_init(&command, sizeof command);
  command.cdb = cdb;
  command.cdb_size = sizeof cdb;
  command.data_out = out;
  command.data_out_size = out != NULL ? (uint32_t)blocks * PAIR_BLOCK : 0;
  command.data_in = in;
  command.data_in_size = in != NULL ? (uint32_t)blocks * PAIR_BLOCK : 0;
  command.cookie = cookie;
  command.device_tag = pair->options.device_tag;
  return isthmus_initiator_session_submit(pair->initiator, &command, task);
}

int pair_submit_read(struct pair* pair, uint32_t lba, void* data, uint16_t blocks, uint64_t cookie,
                     uint32_t* task) {
  return submit(pair, 0x28, lba, NULL, data, blocks, cookie, task);
}

int pair_submit_write(struct pair* pair, uint32_t lba, const void* data, uint16_t blocks, uint64_t cookie,
                      uint32_t* task) {
  return submit(pair, 0x2a, lba, data, NULL, blocks, cookie, task);
}

const isthmus_initiator_event* pair_completed(const struct pair* pair, uint64_t cookie) {
  for (uint32_t i = 0; i < pair->completed_count && i < PAIR_EVENTS; ++i) {
    if (pair->completed[i].cookie == cookie) return &pair->completed[i];
  }
  return NULL;
}

void pair_answer_held(struct pair* pair) {
  for (uint32_t i = 0; i < pair->held_count && i < 64; ++i) {
    check(pair, isthmus_target_session_complete(pair->target, pair->held[i], NULL));
  }
  pair->held_count = 0;
}
