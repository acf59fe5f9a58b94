/* A target and an initiator in one program, both through isthmus.h alone, in C: what the tests of the C face drive. The
 * target is a RAM disk that reads and writes; bytes go from one to the other in chunks of any size.
 *
 *   struct pair* pair = pair_create(&options);
 *   pair_login(pair);
 *   pair_submit_write(pair, lba, data, blocks, cookie); pair_run(pair);
 *   event = pair_completed(pair, cookie);
 *   pair_destroy(pair);
 *
 * Everything is owned by the pair; data given to a command stays the caller's until it has completed. */
#ifndef ISTHMUS_CAPI_PAIR_H_
#define ISTHMUS_CAPI_PAIR_H_

#include <isthmus.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PAIR_BLOCK = 512, PAIR_BLOCKS = 4096, PAIR_EVENTS = 256 };

struct pair_options {
  const char* const* keys; /* of both offers: key, value, ..., NULL */
  const isthmus_hash* hashes;
  size_t hash_count;
  const char* secret;         /* NULL: no CHAP */
  const char* wrong_secret;   /* what the initiator believes; NULL: the right one */
  const char* mutual_secret;  /* NULL: one-way */
  size_t chunk;               /* bytes that cross at a time; 0: all there are */
  bool discovery;
  bool hold;    /* the target answers no command until pair_answer_held() */
  bool unasked; /* AcceptData for unsolicited data at BEGIN; otherwise it refuses with BUSY */
  uint32_t staging_bytes; /* sources are unstable, if not 0 */
  uint32_t device_tag_bits, device_tag; /* of both sides' limits; of windows and of commands */
  const isthmus_offload* offload;       /* of both sides, when digests begin; NULL: no device */
  isthmus_trace* trace;   /* of both sides; sources 1 (target) and 2 */
};

struct pair {
  struct pair_options options;
  int64_t now_ns;
  isthmus_target_connection* target_connection;
  isthmus_target_session* target;
  isthmus_connection_id target_id;
  isthmus_initiator_connection* initiator_connection;
  isthmus_initiator_session* initiator;
  isthmus_connection_id initiator_id;
  isthmus_offer* target_offer;
  isthmus_offer* initiator_offer;
  isthmus_target_account account;
  void* memory[6];
  uint64_t to_target, to_initiator; /* bytes that have crossed */
  uint8_t* disk;
  isthmus_target_task held[64];
  uint32_t held_count;
  int target_errors; /* calls that a well-behaved embedder makes and that were refused */
  bool target_closed, initiator_closed, target_ended, initiator_ended;
  uint32_t target_events[32]; /* how often each kind came */
  uint32_t initiator_events[32];
  isthmus_target_event last_target[32]; /* the last of each kind; its pointers are stale */
  isthmus_initiator_event last_initiator[32];
  isthmus_initiator_event completed[PAIR_EVENTS];
  uint32_t completed_count;
  char text[4096]; /* the target's answer to SendTargets */
};

struct pair* pair_create(const struct pair_options* options); /* NULL: something was refused */
void pair_destroy(struct pair* pair);
/* Lets bytes cross until nothing moves. */
void pair_run(struct pair* pair);
/* Handles what both sides have to tell; whether there was anything. */
bool pair_drain(struct pair* pair);
/* Runs the login; whether both sides have a session. */
bool pair_login(struct pair* pair);
/* The transport breaks. */
void pair_cut(struct pair* pair);
int pair_submit_read(struct pair* pair, uint32_t lba, void* data, uint16_t blocks, uint64_t cookie, uint32_t* task);
int pair_submit_write(struct pair* pair, uint32_t lba, const void* data, uint16_t blocks, uint64_t cookie,
                      uint32_t* task);
/* NULL: no such command has completed. */
const isthmus_initiator_event* pair_completed(const struct pair* pair, uint64_t cookie);
void pair_answer_held(struct pair* pair);

#ifdef __cplusplus
}
#endif

#endif /* ISTHMUS_CAPI_PAIR_H_ */
