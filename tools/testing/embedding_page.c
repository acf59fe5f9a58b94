/* Runs the C code that docs/embedding.md shows under "What a host brings": tools/testing/embedding_examples.py takes it from
 * the page. What the page leaves to the host stands here. */
#define _GNU_SOURCE
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

/* ---- The host's own. */

static int accel_calls;

/* One bit at a time. */
static uint32_t accel_crc32c(void* device, uint32_t crc, const void* data, size_t size) {
  const uint8_t* at = data;
  ++*(int*)device;
  crc = ~crc;
  for (; size > 0; --size) {
    crc ^= *at++;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
  }
  return ~crc;
}

struct pool {
  size_t taken;
};
static void* pool_take(struct pool* pool, size_t size) {
  pool->taken += size;
  return malloc(size);
}

struct nic {
  uint64_t armed_at;
};
static uint32_t nic_arm(struct nic* nic, uint64_t stream_offset) {
  nic->armed_at = stream_offset;
  return 1;
}

#include ISTHMUS_PAGE

static void require(bool good, const char* what) {
  if (good) return;
  printf("embedding_page: %s\n", what);
  exit(1);
}

static void kernel(void) {
  require(bring_kernel(&accel_calls) == 0, "the kernel is refused");
  require(isthmus_crc32c("123456789", 9) == 0xe3069283u && accel_calls == 1, "the kernel is not used");
  require(strcmp(isthmus_kernel_name(isthmus_kernel_selected()), "accel") == 0, "another kernel is in force");
}

static void hash(void) {
  struct pair_options options;
  memset(&options, 0, sizeof options);
  options.hashes = hashes;
  options.hash_count = sizeof hashes / sizeof *hashes;
  options.secret = "sesame sesame";
  struct pair* pair = pair_create(&options);
  require(pair && pair_login(pair), "no login by CHAP");
  pair_destroy(pair);
  options.wrong_secret = "sesame sesam0";
  pair = pair_create(&options);
  require(pair && !pair_login(pair), "a wrong secret is taken");
  pair_destroy(pair);
}

static void allocator(void) {
  struct pool pool = {0};
  isthmus_target_limits limits;
  isthmus_target_limits_init(&limits, sizeof limits);
  isthmus_target_session* session = make_session(&pool, &limits);
  require(session && pool.taken > 0, "no session in the pool");
  isthmus_target_session_destroy(session);
  free(session);
}

/* Appends what the initiator sends; it has left then. */
static size_t take(struct pair* pair, uint8_t* out) {
  isthmus_tx_slice slices[16];
  const size_t count = isthmus_initiator_session_poll_transmit(pair->initiator, pair->initiator_id, slices, 16, 0);
  size_t size = 0;
  for (size_t i = 0; i < count; size += slices[i++].size) memcpy(out + size, slices[i].data, slices[i].size);
  isthmus_initiator_session_on_sent(pair->initiator, pair->initiator_id, size);
  return size;
}

static void device(void) {
  static const char* const kKeys[] = {"HeaderDigest", "CRC32C", "DataDigest", "CRC32C", NULL};
  static uint8_t in[PAIR_BLOCK], bytes[4096];
  struct pair_options options;
  memset(&options, 0, sizeof options);
  options.keys = kKeys;
  struct pair* pair = pair_create(&options);
  require(pair && pair_login(pair), "no login");
  struct nic nic;
  const isthmus_target_event event = pair->last_target[ISTHMUS_TARGET_ARM_DIGESTS];
  require(arm(pair->target, &event, &nic) == 0 && nic.armed_at == event.stream_offset, "the device is not armed");
  isthmus_counters counters;
  for (uint32_t good = 0; good < 2; ++good) {
    require(pair_submit_read(pair, 0, in, 1, good, NULL) == 0, "the command is refused");
    const size_t size = take(pair, bytes);
    require(size == 48 + 4 && frame_came(pair->target, pair->target_id, pair->to_target, bytes, size, good, 0), "full");
    pair->to_target += size;
    while (pair_drain(pair)) {
    }
    require(isthmus_target_session_counters(pair->target, pair->target_id, &counters, sizeof counters) == 0 &&
                counters.rx_header_digests_by_device == good && counters.rx_header_digests_by_software == 1,
            "the digest was checked elsewhere");
  }
  isthmus_tx_slice slices[16];
  const size_t count = isthmus_target_session_poll_transmit(pair->target, pair->target_id, slices, 16, 0);
  size_t inserts = 0;
  for (size_t i = 0; i < count; ++i) inserts += (slices[i].flags & ISTHMUS_DEVICE_INSERTS) != 0;
  require(inserts >= 2, "nothing is left to the device");
  pair_destroy(pair);
}

int main(void) {
  kernel();
  hash();
  allocator();
  device();
  printf("the page is right\n");
  return 0;
}
