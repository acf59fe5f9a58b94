/* What the C examples share: includes, the clock that the engine is told, and big-endian numbers as SCSI has them. */
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

/* Slices for writev and sendmsg. */
static inline void gather(struct iovec* to, const isthmus_tx_slice* slices, size_t count) {
  for (size_t i = 0; i < count; ++i) to[i] = (struct iovec){(void*)(uintptr_t)slices[i].data, slices[i].size};
}

#endif
