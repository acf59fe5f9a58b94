/* The receiver on its own: prints the iSCSI PDUs of a pcapng capture, a line each, with what their digests say.
 *
 *   cc -O2 pdu_lines.c -o pdu_lines $(pkg-config --cflags --libs isthmus)
 *   pdu_lines capture.pcapng
 *
 *   0.000412 127.0.0.1:51034>127.0.0.1:3260 @0 opcode 0x03 Login Request I=1 T=1 ... data 411
 *   0.014210 127.0.0.1:51034>127.0.0.1:3260 @920 opcode 0x01 SCSI Command ... data 0, header digest good
 *
 * Shown are headers only, never a data segment. Connections are followed from their first byte; what the capture lacks
 * ends them. Digests begin behind the login, if it agrees on them (section 13.1). */
#include "example.h"

enum { kFlows = 256, kEthernet = 1, kRaw = 101, kCooked = 113 };

/* One direction of a TCP connection. */
struct flow {
  uint8_t key[36]; /* addresses and ports: from, to */
  int key_size;
  uint32_t next; /* TCP sequence number */
  uint64_t offset;
  bool lost;
  isthmus_receiver* receiver;
  void* memory;
};

static struct flow flows[kFlows];
static size_t flow_count;
static bool header_digests[kFlows], data_digests[kFlows]; /* as the login has them so far, by flow */
static uint8_t sink[1 << 24];
static bool swapped;

static uint32_t field(const uint8_t* from, int bytes) { /* in the byte order of the file */
  uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= (uint32_t)from[swapped ? bytes - 1 - i : i] << 8 * i;
  return value;
}

static struct flow* find(const uint8_t* key, int size, bool make) {
  for (size_t i = 0; i < flow_count; ++i) {
    if (flows[i].key_size == size && memcmp(flows[i].key, key, (size_t)size) == 0) return &flows[i];
  }
  if (!make || flow_count == kFlows) return NULL;
  struct flow* f = &flows[flow_count++];
  isthmus_receiver_options options;
  isthmus_receiver_options_init(&options, sizeof options);
  options.MaxRecvDataSegmentLength = sizeof sink - 1;
  memcpy(f->key, key, (size_t)size);
  f->key_size = size;
  const size_t bytes = isthmus_receiver_size(&options);
  f->memory = malloc(bytes);
  if (!f->memory || isthmus_receiver_init(f->memory, bytes, &options, &f->receiver)) abort();
  return f;
}

static struct flow* other_way(const struct flow* f) {
  uint8_t key[36];
  const int half = f->key_size / 2;
  memcpy(key, f->key + half, (size_t)half);
  memcpy(key + half, f->key, (size_t)half);
  return find(key, f->key_size, false);
}

/* The login settles the digests: the last single value of either side holds, and the last response ends it (11.13). */
static void follow_login(struct flow* f, const isthmus_rx_item* item) {
  struct flow* other = other_way(f);
  isthmus_text key, value;
  const size_t at = (size_t)(f - flows);
  for (size_t position = 0; isthmus_text_next(item->data, item->data_segment_length, &position, &key, &value);) {
    const bool on = value.size == 6 && memcmp(value.data, "CRC32C", 6) == 0;
    if (!on && !(value.size == 4 && memcmp(value.data, "None", 4) == 0)) continue;
    bool* which = key.size == 12 && memcmp(key.data, "HeaderDigest", 12) == 0 ? header_digests
                  : key.size == 10 && memcmp(key.data, "DataDigest", 10) == 0 ? data_digests
                                                                              : NULL;
    if (which) which[at] = on;
    if (which && other) which[other - flows] = on;
  }
  const bool done = (item->header[0] & 0x3f) == 0x23 && (item->header[1] & 0x83) == 0x83 && item->header[36] == 0;
  if (!done) return;
  isthmus_receiver_set_digests(f->receiver, header_digests[at], data_digests[at]);
  if (other) isthmus_receiver_set_digests(other->receiver, header_digests[at], data_digests[at]);
}

static void print(const struct flow* f, const isthmus_rx_item* item, double time, bool header_digest) {
  char text[768], from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
  const int half = f->key_size / 2, family = half == 6 ? AF_INET : AF_INET6;
  inet_ntop(family, f->key, from, sizeof from);
  inet_ntop(family, f->key + half, to, sizeof to);
  isthmus_pdu_dump(item->header, text, sizeof text);
  printf("%.6f %s:%u>%s:%u @%llu opcode 0x%02x %s data %u%s%s\n", time, from, (unsigned)get(f->key + half - 2, 2), to,
         (unsigned)get(f->key + f->key_size - 2, 2), (unsigned long long)item->stream_offset, item->header[0] & 0x3fu,
         text, (unsigned)item->data_segment_length, header_digest ? ", header digest good" : "",
         item->data_verdict == ISTHMUS_GOOD  ? ", data digest good"
         : item->data_verdict == ISTHMUS_BAD ? ", data digest BAD"
                                             : "");
}

static void take(struct flow* f, const uint8_t* data, size_t size, double time) {
  const isthmus_rx_segment segment = segment_of(f->offset, data, size);
  isthmus_rx_item item;
  static bool digest_of_header[kFlows];
  f->offset += size;
  if (!isthmus_receiver_push(f->receiver, &segment)) abort();
  while (isthmus_receiver_next(f->receiver, &item)) {
    const size_t at = (size_t)(f - flows);
    const bool login = item.header && (item.header[0] & 0x1f) == 0x03;
    if (item.kind == ISTHMUS_RX_HEADER) {
      digest_of_header[at] = header_digests[at] && !login;
      if (item.data_segment_length && isthmus_receiver_set_sink(f->receiver, sink, sizeof sink)) abort();
    } else if (item.kind == ISTHMUS_RX_END) {
      print(f, &item, time, digest_of_header[at]);
      if (login) follow_login(f, &item);
    } else if (item.kind == ISTHMUS_RX_ERROR) {
      printf("%.6f @%llu %s: %s\n", time, (unsigned long long)item.stream_offset, isthmus_error_name(item.error.code),
             isthmus_error_description(item.error.code));
      f->lost = true;
    }
  }
}

/* An IP packet: bytes of a TCP stream that are new go to its receiver. */
static void packet(const uint8_t* ip, size_t size, double time) {
  const bool v4 = size > 0 && ip[0] >> 4 == 4;
  const size_t ip_header = v4 ? (ip[0] & 15u) * 4 : 40;
  if (size < ip_header + 20 || ip[v4 ? 9 : 6] != 6) return; /* no TCP, or behind IPv6 extension headers */
  const size_t total = v4 ? get(ip + 2, 2) : 40 + get(ip + 4, 2);
  const uint8_t* tcp = ip + ip_header;
  const size_t headers = ip_header + (tcp[12] >> 4) * 4u;
  if (total < headers || total > size) return;
  const int address = v4 ? 4 : 16, half = address + 2;
  uint8_t key[36];
  for (int i = 0; i < 2; ++i) {
    memcpy(key + i * half, ip + (v4 ? 12 : 8) + i * address, (size_t)address);
    memcpy(key + i * half + address, tcp + i * 2, 2);
  }
  const uint32_t sequence = (uint32_t)get(tcp + 4, 4);
  const size_t payload = total - headers;
  struct flow* f = find(key, 2 * half, false);
  if (!f && payload > 0 && (ip[headers] & 0x1f) == 0x03) { /* a login begins */
    f = find(key, 2 * half, true);
    if (f) f->next = sequence;
  }
  if (!f || f->lost || payload == 0) return;
  const int32_t seen = (int32_t)(f->next - sequence);
  if (seen < 0) {
    printf("%.6f @%llu %d bytes are missing in the capture\n", time, (unsigned long long)f->offset, -seen);
    f->lost = true;
  } else if ((size_t)seen < payload) {
    f->next = sequence + (uint32_t)payload;
    take(f, ip + headers + seen, payload - (size_t)seen, time);
  }
}

int main(int argc, char** argv) {
  FILE* file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!file) return fprintf(stderr, "usage: pdu_lines CAPTURE.pcapng\n"), 2;
  static uint8_t block[1 << 20];
  uint32_t link = kEthernet, size = 0;
  double begin = -1, resolution = 1e-6;
  while (fread(block, 1, 12, file) == 12) { /* type, length, and of a section its byte order */
    const uint32_t type = field(block, 4);
    if (type == 0x0a0d0d0a) swapped = get(block + 8, 4) == 0x1a2b3c4d;
    size = field(block + 4, 4);
    if (size < 12 || size > sizeof block || fread(block + 12, 1, size - 12, file) != size - 12) break;
    if (type == 1) {
      link = field(block + 8, 2);
      for (uint32_t at = 16; at + 8 < size && field(block + at, 2) != 0;
           at += 4 + ((field(block + at + 2, 2) + 3) & ~3u)) {
        if (field(block + at, 2) != 9) continue; /* if_tsresol */
        resolution = 1;
        for (int i = block[at + 4] & 0x7f; i > 0; --i) resolution /= block[at + 4] & 0x80 ? 2 : 10;
      }
    }
    if (type != 6 || size < 32) continue; /* an enhanced packet */
    const double time = resolution * (4294967296.0 * field(block + 12, 4) + field(block + 16, 4));
    const uint32_t skip = link == kEthernet ? 14 : link == kCooked ? 16 : 0, captured = field(block + 20, 4);
    if (begin < 0) begin = time;
    if (captured > skip && captured <= size - 32) packet(block + 28 + skip, captured - skip, time - begin);
  }
  return 0;
}
