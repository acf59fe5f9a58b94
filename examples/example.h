/* What the C examples share: includes, the clock that the engine is told, big-endian numbers as SCSI has them. */
#ifndef ISTHMUS_EXAMPLES_EXAMPLE_H_
#define ISTHMUS_EXAMPLES_EXAMPLE_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <isthmus.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline uint64_t get(const uint8_t* from, int bytes) {
  uint64_t value = 0;
  while (bytes-- > 0) value = value << 8 | *from++;
  return value;
}

static inline void put(uint8_t* to, uint64_t value, int bytes) {
  for (; bytes > 0; value >>= 8) to[--bytes] = (uint8_t)value;
}

/* What a side offers, from pairs of key and value; NULL: a pair is wrong. Its memory is its own: free(). */
static inline isthmus_offer* make_offer(int role, const char* const pairs[][2], size_t count) {
  isthmus_offer* offer = NULL;
  void* memory = malloc(isthmus_offer_size());
  bool good = memory && isthmus_offer_init(memory, isthmus_offer_size(), role, &offer) == 0;
  for (size_t i = 0; good && i < count; ++i) good = isthmus_offer_set(offer, pairs[i][0], pairs[i][1]) == 0;
  if (good) return offer;
  free(memory);
  return NULL;
}

/* A listening TCP socket, -1: none; `shown` becomes ADDRESS:PORT, with the port that was chosen for 0. */
static inline int listen_on(const char* address, int port, char* shown, size_t size) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t at_size = sizeof at;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (inet_pton(AF_INET, address, &at.sin_addr) != 1 || bind(listener, (struct sockaddr*)&at, at_size) ||
      listen(listener, 16) || getsockname(listener, (struct sockaddr*)&at, &at_size)) {
    close(listener);
    return -1;
  }
  snprintf(shown, size, "%s:%d", address, ntohs(at.sin_port));
  return listener;
}

/* Received bytes of which no device has said anything. */
static inline isthmus_rx_segment segment_of(uint64_t stream_offset, const void* data, size_t size) {
  isthmus_rx_segment segment;
  isthmus_rx_segment_init(&segment, sizeof segment);
  segment.stream_offset = stream_offset;
  segment.data = data;
  segment.data_size = size;
  return segment;
}

/* Slices for writev and sendmsg. */
static inline void gather(struct iovec* to, const isthmus_tx_slice* slices, size_t count) {
  for (size_t i = 0; i < count; ++i) to[i] = (struct iovec){(void*)(uintptr_t)slices[i].data, slices[i].size};
}

#endif
