/* A blocking iSCSI initiator in C on one socket, as a program with a thread for each connection wants it: log in, run
 * SCSI commands, several at once, straight from and into the caller's buffers. Digests by the offer. Used by
 * nbdkit_isthmus.c.
 *
 *   struct disk d = {.fd = -1};
 *   isthmus_initiator_connection_options options;       names; with CHAP, its accounts and hashes (chap.h)
 *   if (disk_open(&d, "192.0.2.1", "3260", &options, "CRC32C,None")) ...
 *   struct task read = {.cdb = {0x88, ...}, .in = buffer, .size = 4096};
 *   if (disk_run(&d, 0, &read, 1)) ...    an errno: EIO, EROFS, EOPNOTSUPP, ESHUTDOWN (the connection is over)
 *   disk_close(&d); */
#include "example.h"

struct disk {
  int fd;
  uint64_t received, sent;                  /* stream offsets */
  unsigned busy;                            /* tasks submitted and not done */
  bool over;                                /* the connection failed, or was refused */
  char why[128];                            /* for people */
  isthmus_initiator_connection* connection; /* until it is the session's */
  isthmus_initiator_session* session;
  isthmus_connection_id id;
  void *connection_memory, *session_memory;
};

struct task {
  uint8_t cdb[16];
  const void* out; /* one of the two, or none */
  void* in;
  uint32_t size;
  int error;
};

/* The same entries before and after the login. */
#define ENGINE(d, entry, ...)                                                           \
  ((d)->connection ? isthmus_initiator_connection_##entry((d)->connection, __VA_ARGS__) \
                   : isthmus_initiator_session_##entry((d)->session, (d)->id, __VA_ARGS__))

static void finish(struct disk* d, const isthmus_initiator_event* e) {
  struct task* task = (struct task*)(uintptr_t)e->cookie;
  const uint8_t* sense = e->data.data; /* fixed or descriptor format (SPC-4, 4.5) */
  const int key = e->data.size > 2 ? sense[sense[0] < 0x72 ? 2 : 1] & 0x0f : 0;
  --d->busy;
  if (e->outcome != ISTHMUS_OUTCOME_ANSWERED || e->response != 0) {
    task->error = EIO;
  } else if (e->status != 0) { /* BUSY or a unit attention: once more; ILLEGAL REQUEST; DATA PROTECT */
    task->error = e->status == 8 || key == 6 ? EAGAIN : key == 5 ? EOPNOTSUPP : key == 7 ? EROFS : EIO;
  } else {
    task->error = task->in != NULL && e->data_in_bytes < task->size ? EIO : 0;
  }
}

static void drain(struct disk* d) {
  isthmus_initiator_event e;
  while (!d->over && (d->connection ? isthmus_initiator_connection_next(d->connection, &e)
                                    : isthmus_initiator_session_next(d->session, &e))) {
    if (e.kind == ISTHMUS_INITIATOR_LOGIN_DONE) {
      d->over = isthmus_initiator_session_attach(d->session, d->connection, &d->id) != 0;
      d->connection = NULL;
    } else if (e.kind == ISTHMUS_INITIATOR_LOGIN_FAILED) {
      snprintf(d->why, sizeof d->why, "login: %s (%s, status 0x%02x%02x)", isthmus_login_failure_name(e.login_failure),
               isthmus_error_name(e.error.code), e.status_class, e.status_detail);
    } else if (e.kind == ISTHMUS_INITIATOR_REDIRECTED) {
      snprintf(d->why, sizeof d->why, "the target is at %.*s", (int)e.text.size, e.text.data);
    } else if (e.kind == ISTHMUS_INITIATOR_COMPLETED) {
      finish(d, &e);
    } else if (e.kind == ISTHMUS_INITIATOR_DISCONNECT) {
      if (e.error.code && !d->connection) /* of a login something better is known */
        snprintf(d->why, sizeof d->why, "%s", isthmus_error_description(e.error.code));
      d->over = true;
    }
  }
}

/* One turn of the loop: waits, sends what there is, takes what has come straight to where it belongs. */
static void turn(struct disk* d) {
  isthmus_tx_slice slices[64];
  isthmus_rx_want wants[2];
  struct iovec vectors[64];
  const size_t to_send = ENGINE(d, poll_transmit, slices, 64, now_ns());
  struct pollfd p = {.fd = d->fd, .events = (short)(to_send > 0 ? POLLIN | POLLOUT : POLLIN)};
  poll(&p, 1, 1000); /* deadlines are seconds: a tick serves them */
  if (p.revents & POLLOUT) {
    gather(vectors, slices, to_send);
    const struct msghdr message = {.msg_iov = vectors, .msg_iovlen = to_send};
    const ssize_t sent = sendmsg(d->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      ENGINE(d, on_sent, (size_t)sent);
      ENGINE(d, on_transport_done, d->sent += (uint64_t)sent); /* it was copied */
    }
  }
  const size_t count = p.revents & ~POLLOUT ? ENGINE(d, want_rx, wants, 2) : 0;
  if (count > 0) { /* 0 also while what has come still waits: back-pressure, and no end of the stream */
    for (size_t i = 0; i < count; ++i) vectors[i] = (struct iovec){wants[i].data, wants[i].size};
    ssize_t got = readv(d->fd, vectors, (int)count);
    d->over = got <= 0;
    for (size_t i = 0; got > 0; ++i) {
      const size_t size = (size_t)got < wants[i].size ? (size_t)got : wants[i].size;
      const isthmus_rx_segment segment = segment_of(d->received, wants[i].data, size);
      ENGINE(d, receive, &segment, now_ns());
      d->received += size;
      got -= (ssize_t)size;
    }
  }
  if (d->connection)
    isthmus_initiator_connection_handle_timeout(d->connection, now_ns());
  else
    isthmus_initiator_session_handle_timeout(d->session, now_ns());
  drain(d);
}

/* Runs the tasks, all at once, to their end; 0 or the errno of one that failed. */
static int disk_run(struct disk* d, uint32_t lun, struct task* tasks, size_t count) {
  size_t submitted = 0;
  for (int tries = 0; submitted < count || d->busy > 0;) {
    for (; submitted < count; ++submitted) {
      struct task* task = &tasks[submitted];
      isthmus_initiator_command command = {.size = sizeof command, .attribute = ISTHMUS_SIMPLE};
      command.cdb = task->cdb, command.cdb_size = sizeof task->cdb;
      command.data_out = task->out, command.data_out_size = task->out ? task->size : 0;
      command.data_in = task->in, command.data_in_size = task->in ? task->size : 0;
      command.cookie = (uintptr_t)task;
      isthmus_lun_encode(lun, command.lun);
      if (isthmus_initiator_session_submit(d->session, &command, NULL)) break; /* the queue is full */
      ++d->busy;
    }
    if (d->over || d->busy == 0) return ESHUTDOWN;
    turn(d);
    if (submitted < count || d->busy > 0) continue;
    for (size_t i = 0; i < count && tries < 100; ++i) {
      if (tasks[i].error == EAGAIN) submitted = 0, ++tries;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (tasks[i].error) return tasks[i].error;
  }
  return 0;
}

static void disk_close(struct disk* d) {
  if (d->session && !d->connection && !d->over && isthmus_initiator_session_logout(d->session, 0) == 0) {
    while (!d->over) turn(d);
  }
  if (d->connection) isthmus_initiator_connection_destroy(d->connection);
  if (d->session) isthmus_initiator_session_destroy(d->session);
  if (d->fd >= 0) close(d->fd);
  free(d->connection_memory);
  free(d->session_memory);
  d->session = NULL;
}

static int tcp_connect(const char* host, const char* port) {
  struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
  int fd = -1, on = 1;
  if (getaddrinfo(host, port, &hints, &found)) return -1;
  for (struct addrinfo* a = found; a && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) close(fd), fd = -1;
  }
  freeaddrinfo(found);
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/* Connects and logs in; `digests` is the value of HeaderDigest and DataDigest (section 13.1). -1, and d->why: refused.
 */
static int disk_open(struct disk* d, const char* host, const char* port, isthmus_initiator_connection_options* options,
                     const char* digests) {
  const isthmus_initiator_session_options session_options = {.size = sizeof session_options};
  const char* const keys[][2] = {{"HeaderDigest", digests}, {"DataDigest", digests}};
  isthmus_offer* offer = make_offer(ISTHMUS_INITIATOR, keys, 2);
  options->isid[0] = 0x80; /* a random ISID: each connection is a session of its own (10.1.1, 11.12.5) */
  options->offer = offer;
  bool good = getrandom(options->isid + 1, 5, 0) == 5 && getrandom(options->entropy, 64, 0) == 64 && offer;
  const int wrong = isthmus_initiator_connection_check(options);
  const size_t size = isthmus_initiator_connection_size(options);
  const size_t session_size = isthmus_initiator_session_size(&session_options);
  const char* why = !good ? "wrong digests" : wrong ? isthmus_error_description(wrong) : "cannot connect";
  snprintf(d->why, sizeof d->why, "%s", why);
  good = good && !wrong && (d->fd = tcp_connect(host, port)) >= 0 && (d->connection_memory = malloc(size)) &&
         (d->session_memory = malloc(session_size)) &&
         isthmus_initiator_connection_init(d->connection_memory, size, options, &d->connection) == 0 &&
         isthmus_initiator_session_init(d->session_memory, session_size, &session_options, &d->session) == 0;
  while (good && d->connection && !d->over) turn(d);
  free(offer);
  if (good && !d->over) {
    snprintf(d->why, sizeof d->why, "the connection was closed"); /* by then, unless something better is known */
    return 0;
  }
  disk_close(d);
  return -1;
}
