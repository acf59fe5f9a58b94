/* An iSCSI target in C over poll: serves one file as a disk to any number of initiators, digests as they wish.
 *
 *   cc -O2 target_loop.c -o target_loop $(pkg-config --cflags --libs isthmus)
 *   target_loop disk.img 127.0.0.1 3260     (0: any port; prints the URL; serves until it is killed)
 *
 * The file is mapped: windows of write data and sources of read data are the file itself. Write data comes only when it
 * is asked for (InitialR2T=Yes, ImmediateData=No), so that no command needs a buffer. One thread serves all, and what
 * blocks (a page that is not in memory, msync) makes all wait. Not here: CHAP, reinstatement, resets that reach other
 * sessions. */
#include "file_disk.h"

enum { kPeers = 64, kSlots = 256 };
static const char kName[] = "iqn.2026-11.example:file";
static char address[64]; /* of the portal */

struct peer {
  int fd;
  uint64_t received, sent;               /* stream offsets */
  isthmus_target_connection* connection; /* until it is the session's */
  isthmus_target_session* session;
  isthmus_connection_id id;
  void *memory, *session_memory;
  bool closing;              /* once what there is to send has left */
  struct slot slots[kSlots]; /* by task */
  uint8_t in[65536];
};

/* The same entries before and after the login. */
#define ENGINE(p, entry, ...)                                                        \
  ((p)->connection ? isthmus_target_connection_##entry((p)->connection, __VA_ARGS__) \
                   : isthmus_target_session_##entry((p)->session, (p)->id, __VA_ARGS__))

static int look_up(struct peer* p, const isthmus_target_event* e) {
  static const char* const kKeys[][2] = {{"HeaderDigest", "CRC32C,None"},
                                         {"DataDigest", "CRC32C,None"},
                                         {"InitialR2T", "Yes"},
                                         {"ImmediateData", "No"},
                                         {"MaxRecvDataSegmentLength", "262144"}};
  static isthmus_offer* offer;
  isthmus_target_lookup_answer answer;
  isthmus_target_lookup_answer_init(&answer, sizeof answer);
  const bool known = e->target_name.size == strlen(kName) && memcmp(e->target_name.data, kName, strlen(kName)) == 0;
  if (!known && !(e->discovery && e->target_name.size == 0))
    answer.status_class = 2, answer.status_detail = 3; /* not found */
  if (!offer) offer = make_offer(ISTHMUS_TARGET, kKeys, sizeof kKeys / sizeof *kKeys);
  answer.offer = offer;
  answer.target_portal_group_tag = 1;
  return isthmus_target_connection_answer_lookup(p->connection, &answer);
}

static void handle(struct peer* p, const isthmus_target_event* e) {
  static uint16_t last_tsih;
  static char text[512];
  struct slot* slot = &p->slots[e->task.slot % kSlots];
  int refused = 0;
  switch (e->kind) {
    case ISTHMUS_TARGET_LOOKUP: refused = look_up(p, e); break;
    case ISTHMUS_TARGET_CLAIM: {
      isthmus_target_claim_answer answer = {.size = sizeof answer, .tsih = ++last_tsih ? last_tsih : ++last_tsih};
      refused = isthmus_target_connection_answer_claim(p->connection, &answer);
      break;
    }
    case ISTHMUS_TARGET_LOGIN_DONE:
      refused = isthmus_target_session_attach(p->session, p->connection, &p->id);
      p->connection = NULL;
      break;
    case ISTHMUS_TARGET_BEGIN: refused = isthmus_target_session_refuse(p->session, e->task, 0x08); break;
    case ISTHMUS_TARGET_COMMAND: refused = disk_command(p->session, slot, e); break;
    case ISTHMUS_TARGET_DATA_RECEIVED: refused = disk_written(p->session, slot, e); break;
    case ISTHMUS_TARGET_TASK_ABORTED: refused = isthmus_target_session_release(p->session, e->task); break;
    case ISTHMUS_TARGET_TASK_MANAGEMENT: /* what reaches tasks of other sessions is not supported (11.6.1) */
      refused = isthmus_target_session_answer_task_management(p->session, e->request, e->function <= 2 ? 0 : 5, 0);
      break;
    case ISTHMUS_TARGET_SEND_TARGETS: {
      size_t used = isthmus_write_target_name(text, sizeof text, 0, kName);
      used = isthmus_write_target_address(text, sizeof text, used, address, 1);
      refused = isthmus_target_session_answer_text(p->session, e->request, text, used);
      break;
    }
    case ISTHMUS_TARGET_DISCONNECT: p->closing = true; break;
    default: break;
  }
  if (refused)
    fprintf(stderr, "%s: %s\n", isthmus_target_event_name(e->kind), isthmus_error_name(refused)), p->closing = true;
}

static void drain(struct peer* p) {
  isthmus_target_event e;
  while (p->connection ? isthmus_target_connection_next(p->connection, &e)
                       : isthmus_target_session_next(p->session, &e))
    handle(p, &e);
}

/* Sends what there is; false: the transport is gone, or was to be closed and has nothing to send any more. */
static bool transmit(struct peer* p) {
  isthmus_tx_slice slices[64];
  struct iovec vectors[64];
  for (size_t n; (n = ENGINE(p, poll_transmit, slices, 64, now_ns())) > 0;) {
    gather(vectors, slices, n);
    const struct msghdr message = {.msg_iov = vectors, .msg_iovlen = n};
    const ssize_t sent = sendmsg(p->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN;
    ENGINE(p, on_sent, (size_t)sent);
    ENGINE(p, on_transport_done, p->sent += (uint64_t)sent); /* it was copied */
    drain(p);
  }
  return !p->closing;
}

static bool receive(struct peer* p) {
  const bool lent = (p->connection ? isthmus_target_connection_unconsumed_rx(p->connection)
                                   : isthmus_target_session_unconsumed_rx(p->session, p->id)) > 0;
  if (lent) return true; /* p->in is not drained yet: back-pressure */
  const ssize_t got = recv(p->fd, p->in, sizeof p->in, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  const isthmus_rx_segment segment = segment_of(p->received, p->in, (size_t)got);
  p->received += (uint64_t)got;
  ENGINE(p, receive, &segment, now_ns());
  drain(p);
  return true;
}

static struct peer* welcome(int fd) {
  isthmus_target_limits limits;
  isthmus_target_limits_init(&limits, sizeof limits);
  limits.staging_bytes = kStagingBytes;
  limits.source_slots = 1024; /* pieces of reads: a gigabyte under way */
  isthmus_target_connection_options options;
  isthmus_target_connection_options_init(&options, sizeof options);
  const isthmus_target_session_options session_options = {.size = sizeof session_options, .limits = &limits};
  options.limits = &limits;
  const size_t size = isthmus_target_connection_size(&options),
               session_size = isthmus_target_session_size(&session_options);
  struct peer* p = calloc(1, sizeof *p);
  if (!p || !(p->memory = malloc(size)) || !(p->session_memory = malloc(session_size)) ||
      getrandom(options.entropy, sizeof options.entropy, 0) != sizeof options.entropy ||
      isthmus_target_connection_init(p->memory, size, &options, &p->connection) ||
      isthmus_target_session_init(p->session_memory, session_size, &session_options, &p->session)) {
    abort(); /* no memory */
  }
  p->fd = fd;
  isthmus_target_connection_handle_timeout(p->connection, now_ns()); /* the login's deadline begins */
  return p;
}

static void part(struct peer* p) {
  if (p->connection) isthmus_target_connection_destroy(p->connection);
  isthmus_target_session_destroy(p->session);
  close(p->fd);
  free(p->session_memory);
  free(p->memory);
  free(p);
}

int main(int argc, char** argv) {
  const int on = 1;
  if (argc != 4 || disk_open(argv[1])) return fprintf(stderr, "usage: target_loop FILE ADDRESS PORT\n"), 2;
  const int listener = listen_on(argv[2], atoi(argv[3]), address, sizeof address);
  if (listener < 0) return perror(argv[2]), 1;
  printf("iscsi://%s/%s/0\n", address, kName);
  fflush(stdout);
  static struct peer* peers[kPeers];
  for (size_t count = 0;;) {
    struct pollfd polled[kPeers + 1] = {[kPeers] = {.fd = count < kPeers ? listener : -1, .events = POLLIN}};
    int64_t wake = now_ns() + INT64_C(60000000000);
    for (size_t i = 0; i < kPeers; ++i) {
      polled[i].fd = -1;
      if (i >= count) continue;
      isthmus_tx_slice slice;
      const isthmus_deadline deadline = peers[i]->connection
                                            ? isthmus_target_connection_poll_timeout(peers[i]->connection)
                                            : isthmus_target_session_poll_timeout(peers[i]->session);
      if (deadline.at_ns < wake) wake = deadline.at_ns;
      polled[i] = (struct pollfd){.fd = peers[i]->fd, .events = POLLIN};
      if (ENGINE(peers[i], poll_transmit, &slice, 1, now_ns()) > 0) polled[i].events |= POLLOUT;
    }
    const int64_t wait_ns = wake - now_ns();
    poll(polled, kPeers + 1, wait_ns < 0 ? 0 : (int)(wait_ns / 1000000) + 1);
    for (size_t i = count; i-- > 0;) {
      struct peer* p = peers[i];
      const bool open = !(polled[i].revents & ~POLLOUT) || receive(p);
      if (p->connection)
        isthmus_target_connection_handle_timeout(p->connection, now_ns());
      else
        isthmus_target_session_handle_timeout(p->session, now_ns());
      drain(p);
      if (open && transmit(p)) continue;
      part(p);
      peers[i] = peers[--count];
    }
    if (polled[kPeers].revents & POLLIN) {
      const int accepted = accept(listener, NULL, NULL);
      if (accepted >= 0)
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), peers[count++] = welcome(accepted);
    }
  }
}
