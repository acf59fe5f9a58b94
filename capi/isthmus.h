/* Isthmus for C programs: CRC32C digests, and the iSCSI protocol engine (RFC 7143) as a target's and as an initiator's
 * side. C11 and C++; nothing here does I/O, reads a clock, starts a thread, logs or, after creation, takes memory.
 *
 * Section and clause numbers without a name are those of RFC 7143.
 *
 * The loop, the same for both sides (docs/embedding.md draws it): bytes, time and commands go in; events, bytes and
 * deadlines come out. After every input, command or answer: drain ..._next(), then send what ..._poll_transmit() gives,
 * then read ..._poll_timeout(). One object is driven from one thread at a time; different objects need no lock.
 *
 *   isthmus_target_connection_options options;
 *   isthmus_target_connection_options_init(&options, sizeof options);
 *   void* memory = malloc(isthmus_target_connection_size(&options));
 *   isthmus_target_connection* connection;
 *   isthmus_target_connection_init(memory, size, &options, &connection);
 *   for (;;) {
 *     isthmus_target_connection_receive(connection, &segment, now_ns);         bytes in
 *     while (isthmus_target_connection_next(connection, &event)) handle(&event);
 *     n = isthmus_target_connection_poll_transmit(connection, slices, 32, now_ns);   bytes out, gathered
 *     written = writev(...);
 *     isthmus_target_connection_on_sent(connection, written);
 *     isthmus_target_connection_on_transport_done(connection, total_written);
 *   }
 *   ISTHMUS_TARGET_LOGIN_DONE -> isthmus_target_session_attach(session, connection, &id), and on with the session.
 *
 * Memory. Every object lives in memory of the caller's: ask ..._size(options), give that many bytes, aligned as malloc
 * aligns, to ..._init(); the handle is that address. ..._destroy() ends the object; the memory is the caller's again.
 *
 * Structs that begin with `size` grow in later versions, at their end. ..._init(&it, sizeof it) sets `size` and every
 * default; where no other default is named it is zero, and `= {.size = sizeof it}` does as well. A shorter one, of an
 * older header, is taken as if the rest had its defaults; a longer one is refused (ISTHMUS_ERROR_CALL_SIZE) unless what
 * this version does not know is zero. Structs without `size` keep their layout in all of libisthmus.so.0; their `reserved` fields are zero
 * when the library writes them.
 *
 * Errors. Functions that return int return 0 (ISTHMUS_OK) or an ISTHMUS_ERROR_...: the call was refused and changed
 * nothing. A null handle is refused with ISTHMUS_ERROR_CALL_ARGUMENT; where a function returns something else, it
 * returns 0, false or NULL. What the peer or the wire does wrong comes as an event, never as a return value.
 *
 * Strings given to the library end in a zero byte and are copied unless it says otherwise; strings that come from it
 * (isthmus_text) have a size and no zero byte, and may hold anything that a peer sent: escape them before they are
 * shown. Times are nanoseconds on any clock that does not go back.
 */
#ifndef ISTHMUS_H_
#define ISTHMUS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isthmus_errors.h"

#define ISTHMUS_VERSION_MAJOR 0
#define ISTHMUS_VERSION_MINOR 1
#define ISTHMUS_VERSION_PATCH 0

#if defined(__GNUC__)
#define ISTHMUS_API __attribute__((visibility("default")))
#define ISTHMUS_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define ISTHMUS_API
#define ISTHMUS_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": of the library that runs, not of this header. Static. */
ISTHMUS_API const char* isthmus_version(void);

/* ==== Plain data that everything uses. */

/* Bytes [data, data + size) of characters; no zero byte at the end. */
typedef struct isthmus_text {
  const char* data;
  size_t size;
} isthmus_text;

typedef struct isthmus_bytes {
  const void* data;
  size_t size;
} isthmus_bytes;

/* Which side an object is, or an error is seen from. */
enum { ISTHMUS_TARGET = 0, ISTHMUS_INITIATOR = 1 };

/* ==== Errors: codes in isthmus_errors.h, each with its row in the table of docs/errors.md. */

enum { ISTHMUS_BLAME_NONE = 0, ISTHMUS_BLAME_PEER = 1, ISTHMUS_BLAME_CALLER = 2, ISTHMUS_BLAME_WIRE = 3 };

/* What follows from an error, a set. Ignore: only counted. Ends: the connection, or all of the session, is over. */
enum {
  ISTHMUS_ACTION_IGNORE = 1 << 0,
  ISTHMUS_ACTION_DISCARD = 1 << 1,
  ISTHMUS_ACTION_RECOVER = 1 << 2,
  ISTHMUS_ACTION_REJECT = 1 << 3,
  ISTHMUS_ACTION_FAIL_TASK = 1 << 4,
  ISTHMUS_ACTION_ANSWER = 1 << 5,
  ISTHMUS_ACTION_REFUSE_NEGOTIATION = 1 << 6,
  ISTHMUS_ACTION_REFUSE_LOGIN = 1 << 7,
  ISTHMUS_ACTION_LOGOUT = 1 << 8,
  ISTHMUS_ACTION_DROP_CONNECTION = 1 << 9,
  ISTHMUS_ACTION_DROP_SESSION = 1 << 10,
  ISTHMUS_ACTION_REFUSE_CALL = 1 << 11
};

/* As events carry it. `detail` is a number that the code's description explains. */
typedef struct isthmus_error {
  uint16_t code; /* 0: none */
  uint16_t actions;
  uint32_t detail;
  uint8_t blame;
  uint8_t reserved[7];
} isthmus_error;

/* "DataDigest"; "Ok" for 0; "Unknown" for what is no code. Static, as the two below. */
ISTHMUS_API const char* isthmus_error_name(int code);
/* The clause of RFC 7143 that is violated, or says what follows: "7.8". */
ISTHMUS_API const char* isthmus_error_section(int code);
/* One line for people; in [brackets] what isthmus_error.detail holds. */
ISTHMUS_API const char* isthmus_error_description(int code);

/* ==== Digests: CRC32C, section 13.1. From any thread; nothing fails.
 *
 * A value is the finished digest of some bytes, and all the state that a computation over pieces keeps: that of no bytes
 * is 0, that of 32 zeros 0x8a9136aa. On the wire it is four bytes, least significant first: isthmus_crc32c_store(). */

ISTHMUS_API uint32_t isthmus_crc32c(const void* data, size_t size);
/* Of what `crc` is the digest of, followed by [data, data + size). */
ISTHMUS_API uint32_t isthmus_crc32c_extend(uint32_t crc, const void* data, size_t size);
/* The same value; faster where the bytes are in memory rather than in the caches. */
ISTHMUS_API uint32_t isthmus_crc32c_extend_cold(uint32_t crc, const void* data, size_t size);
/* `crc` extended by every piece in turn. */
ISTHMUS_API uint32_t isthmus_crc32c_extend_gather(uint32_t crc, const isthmus_bytes* pieces, size_t count);
/* crcs[i] = the digest of pieces[i] alone: for bursts of headers, whose computations overlap. */
ISTHMUS_API void isthmus_crc32c_batch(const isthmus_bytes* pieces, size_t count, uint32_t* crcs);
/* Copies [from, from + size) to `to`, which does not overlap it, in the same pass; `crc` extended by what was stored. */
ISTHMUS_API uint32_t isthmus_crc32c_copy(uint32_t crc, void* to, const void* from, size_t size);
/* The digest of A followed by B, from those of both and the size of B in bytes. */
ISTHMUS_API uint32_t isthmus_crc32c_combine(uint32_t a, uint32_t b, uint64_t b_size);
/* The digest of B, from those of A followed by B and of A; and of A, from those of the whole and of B. */
ISTHMUS_API uint32_t isthmus_crc32c_remove_prefix(uint32_t whole, uint32_t a, uint64_t b_size);
ISTHMUS_API uint32_t isthmus_crc32c_remove_suffix(uint32_t whole, uint32_t b, uint64_t b_size);
ISTHMUS_API uint32_t isthmus_crc32c_append_zeros(uint32_t a, uint64_t count);
/* The four bytes of a digest on the wire. */
ISTHMUS_API void isthmus_crc32c_store(uint32_t crc, void* wire);
ISTHMUS_API uint32_t isthmus_crc32c_load(const void* wire);

/* A kernel computes the digests. Immutable; lives as long as the program; may be given to any number of engines. */
typedef struct isthmus_kernel isthmus_kernel;

/* The one in force: the best that this processor offers, unless forced, capped or set. Used by isthmus_crc32c... and by
 * every engine whose options name none. Never NULL. */
ISTHMUS_API const isthmus_kernel* isthmus_kernel_selected(void);
/* The offered kernels from the slowest to the best; NULL for index >= their number. */
ISTHMUS_API const isthmus_kernel* isthmus_kernel_offered(size_t index);
/* "portable", "sse42", ...; static. */
ISTHMUS_API const char* isthmus_kernel_name(const isthmus_kernel* kernel);
ISTHMUS_API const isthmus_kernel* isthmus_kernel_by_name(const char* name); /* NULL: not offered */
/* For the start of a program; what engines took before stays with them. Puts the offered kernel of this name in force.
 * ISTHMUS_ERROR_CALL_ARGUMENT: there is none. */
ISTHMUS_CHECKED int isthmus_kernel_force(const char* name);
/* The best offered one that is no better than the named one, which need not be offered itself: for a fleet of unlike
 * machines. ISTHMUS_ERROR_CALL_ARGUMENT: no kernel has that name. */
ISTHMUS_CHECKED int isthmus_kernel_cap(const char* name);

/* A kernel of the caller's own. Only `extend` must be there; what is NULL is done by `extend` and the library's own
 * arithmetic. Functions may be called from any thread, are pure (the copies aside) and take any alignment. */
typedef struct isthmus_kernel_functions {
  size_t size;
  const char* name; /* a string that lives as long as the program */
  void* context;    /* given to each function */
  uint32_t (*extend)(void* context, uint32_t crc, const void* data, size_t size);
  uint32_t (*extend_cold)(void* context, uint32_t crc, const void* data, size_t size);
  uint32_t (*copy_and_extend)(void* context, uint32_t crc, void* to, const void* from, size_t size);
} isthmus_kernel_functions;
ISTHMUS_API void isthmus_kernel_functions_init(isthmus_kernel_functions* functions, size_t size);

/* Kernels that can be registered in the life of a program. */
#define ISTHMUS_KERNEL_SLOTS 4
/* Makes a kernel of the functions, which are copied. ISTHMUS_ERROR_CALL_ARGUMENT: no name or `extend`;
 * ISTHMUS_ERROR_CALL_QUEUE_FULL: ISTHMUS_KERNEL_SLOTS are registered. Not undone. */
ISTHMUS_CHECKED int isthmus_kernel_register(const isthmus_kernel_functions* functions, const isthmus_kernel** kernel);
/* Puts any kernel in force, also a registered one. */
ISTHMUS_CHECKED int isthmus_kernel_set(const isthmus_kernel* kernel);

/* ==== CHAP's hashes: injected, section 12.1.3. */

/* One hash. Arrays of it have this layout for all of libisthmus.so.0. */
typedef struct isthmus_hash {
  uint8_t chap_algorithm; /* 5 MD5 (must be there), 6 SHA1, 7 SHA-256, 8 SHA3-256 */
  uint8_t digest_size;    /* bytes, at most 64 */
  uint8_t reserved[6];
  void* context;
  /* Hashes the concatenation of the parts into `out`, digest_size bytes. False: the hash is not to be had. Called from
   * whatever thread drives the connection. */
  bool (*compute)(void* context, const isthmus_bytes* parts, size_t count, uint8_t* out);
} isthmus_hash;

#define ISTHMUS_HASHES 8 /* at most, in one table */

/* The challenges that the targets of one thread have issued lately: finds an initiator that reflects one over a second
 * connection (9.2.1). Nothing needs to be destroyed. */
typedef struct isthmus_challenge_history isthmus_challenge_history;
ISTHMUS_API size_t isthmus_challenge_history_size(void);
ISTHMUS_CHECKED int isthmus_challenge_history_init(void* memory, size_t size, isthmus_challenge_history** history);

/* ==== What a side offers: the keys of section 13, by their names and in their spelling. */

typedef struct isthmus_offer isthmus_offer;

ISTHMUS_API size_t isthmus_offer_size(void);
/* Every key at this side's default. `role`: ISTHMUS_TARGET or ISTHMUS_INITIATOR. ISTHMUS_ERROR_CALL_ARGUMENT: memory
 * too small or not aligned, role. Nothing needs to be destroyed. */
ISTHMUS_CHECKED int isthmus_offer_init(void* memory, size_t size, int role, isthmus_offer** offer);
/* "HeaderDigest", "CRC32C,None" (best first); "InitialR2T", "No"; "MaxBurstLength", "1048576". A digest list without
 * None demands the digest. Copied. ISTHMUS_ERROR_CALL_PARAMETER: no such key for this side, or not a value of it
 * (isthmus_offer_problem() says which); then nothing changes. */
ISTHMUS_CHECKED int isthmus_offer_set(isthmus_offer* offer, const char* key, const char* value);
/* What was wrong with the last isthmus_offer_set(): "out of range". Static, without the value. */
ISTHMUS_API const char* isthmus_offer_problem(const isthmus_offer* offer);
/* The key's value in the same spelling, with a zero byte, cut to what fits. The size without cut and zero byte; 0: no
 * such key. 256 bytes always suffice. */
ISTHMUS_API size_t isthmus_offer_get(const isthmus_offer* offer, const char* key, char* out, size_t size);
/* Rules between keys (FirstBurstLength over MaxBurstLength, ...). ISTHMUS_ERROR_CALL_PARAMETER, and the key's name, static, in
 * *key, which may be NULL. */
ISTHMUS_CHECKED int isthmus_offer_check(const isthmus_offer* offer, const char** key);
/* The names of the keys that this side may set, by index; NULL at the end. Static. */
ISTHMUS_API const char* isthmus_offer_key(const isthmus_offer* offer, size_t index);

enum { ISTHMUS_DIGEST_NONE = 0, ISTHMUS_DIGEST_CRC32C = 1 };
enum {
  ISTHMUS_TASK_REPORTING_RFC3720 = 0,
  ISTHMUS_TASK_REPORTING_RESPONSE_FENCE = 1,
  ISTHMUS_TASK_REPORTING_FAST_ABORT = 2
};

/* What was negotiated, section 13. Written by the library up to the `size` given to the function that fills it. */
typedef struct isthmus_parameters {
  bool discovery; /* SessionType=Discovery */
  bool InitialR2T, ImmediateData, DataPDUInOrder, DataSequenceInOrder;
  uint8_t HeaderDigest, DataDigest; /* ISTHMUS_DIGEST_... */
  uint8_t ErrorRecoveryLevel, TaskReporting, iSCSIProtocolLevel;
  uint16_t MaxConnections, MaxOutstandingR2T;
  uint16_t DefaultTime2Wait, DefaultTime2Retain; /* seconds */
  uint32_t MaxBurstLength, FirstBurstLength;     /* bytes */
  uint32_t own_MaxRecvDataSegmentLength;         /* bytes that this side takes in one PDU */
  uint32_t peer_MaxRecvDataSegmentLength;        /* bytes that it may send in one */
} isthmus_parameters;

/* ==== Transport: what crosses between an engine and sockets, rings or devices. Sections 4.2.9, 11.2. */

/* A connection of a session (a CID, not a socket). The generation tells its successive transports apart: a late call
 * for an old one is refused. */
typedef struct isthmus_connection_id {
  uint32_t row, generation;
} isthmus_connection_id;

enum { ISTHMUS_UNCHECKED = 0, ISTHMUS_GOOD = 1, ISTHMUS_BAD = 2, ISTHMUS_PENDING = 3 };

/* What a device says of the digests over some bytes. All zero: nothing, software checks. */
typedef struct isthmus_evidence {
  uint8_t verdict; /* ISTHMUS_UNCHECKED ... */
  bool has_partial_crc;
  uint8_t reserved[2];
  uint32_t epoch;  /* the device's life, from 1; 0: none */
  uint32_t ticket; /* under which a pending answer comes; 0: none */
  uint32_t partial_crc;
} isthmus_evidence;

#define ISTHMUS_ANY_PDU UINT64_MAX

/* Consecutive bytes of the receive stream. Lent from ..._receive() until the engine has drained them: when ..._next()
 * has returned false and ..._unconsumed() is 0, or, with a lease, when the event RELEASE_RX gives that lease back. */
typedef struct isthmus_rx_segment {
  size_t size;
  uint64_t stream_offset; /* of data[0], from the first byte that the connection received */
  const void* data;
  size_t data_size;
  isthmus_evidence header_evidence; /* for every byte that belongs to a header or its digest */
  isthmus_evidence data_evidence;   /* for data segments, padding and their digests */
  uint32_t placed;                  /* data bytes that a device has put into the sink already; they precede `data` */
  uint32_t coalesced;               /* PDUs that a device merged into one */
  uint32_t stripped;                /* 4: a device took the digest out behind `data`; else 0 */
  uint32_t lease;                   /* 0: nothing to give back */
  uint64_t pdu_offset;              /* the PDU that the evidence is about; default: ISTHMUS_ANY_PDU */
} isthmus_rx_segment;
ISTHMUS_API void isthmus_rx_segment_init(isthmus_rx_segment* segment, size_t size);

/* Where the next bytes of the stream are to go: a transport may read straight into `data` and then hand in a segment
 * whose bytes are that memory, and nothing is copied. Valid until the next call that takes the engine. */
typedef struct isthmus_rx_want {
  void* data;
  size_t size;
  bool is_data; /* a data segment's own destination, not a header or digest */
  uint8_t reserved[7];
} isthmus_rx_want;

/* Bits of isthmus_tx_slice.flags. */
enum {
  ISTHMUS_PDU_START = 1,
  ISTHMUS_PDU_END = 2,
  ISTHMUS_FILL_DIGEST = 4,   /* four bytes that an accelerator fills before they leave */
  ISTHMUS_DEVICE_INSERTS = 8, /* four placeholder bytes that the device replaces by the digest */
  ISTHMUS_DEVICE_SEGMENTS = 16 /* with ISTHMUS_PDU_START: the device cuts this PDU into several, of segment_bytes */
};

/* Bytes to send. They stay in place and unchanged until ..._on_transport_done() has passed them. */
typedef struct isthmus_tx_slice {
  const void* data;
  uint64_t pdu; /* counts the connection's PDUs */
  uint32_t size;
  uint32_t flags;
  uint32_t segment_bytes; /* ISTHMUS_DEVICE_SEGMENTS: data bytes of each PDU on the wire but the last; else 0 */
  uint32_t reserved;
} isthmus_tx_slice;

/* Why an engine wants to be called. */
enum {
  ISTHMUS_DEADLINE_NONE = 0,
  ISTHMUS_DEADLINE_LOGIN,
  ISTHMUS_DEADLINE_NEGOTIATION,
  ISTHMUS_DEADLINE_PING_DUE,
  ISTHMUS_DEADLINE_PING_REPLY,
  ISTHMUS_DEADLINE_LOGOUT,
  ISTHMUS_DEADLINE_ASYNC_LOGOUT,
  ISTHMUS_DEADLINE_ASYNC_NEGOTIATION,
  ISTHMUS_DEADLINE_TASK,
  ISTHMUS_DEADLINE_DATA_SEQUENCE,
  ISTHMUS_DEADLINE_COMMAND_GAP,
  ISTHMUS_DEADLINE_STATUS_GAP,
  ISTHMUS_DEADLINE_ABORT,
  ISTHMUS_DEADLINE_TIME2WAIT,
  ISTHMUS_DEADLINE_TIME2RETAIN,
  ISTHMUS_DEADLINE_RECONNECT,
  ISTHMUS_DEADLINE_REINSTATEMENT
};

typedef struct isthmus_deadline {
  int64_t at_ns;   /* INT64_MAX: never */
  uint32_t reason; /* ISTHMUS_DEADLINE_... */
  uint32_t reserved;
} isthmus_deadline;
ISTHMUS_API const char* isthmus_deadline_name(uint32_t reason); /* "ping reply"; static */

/* Connection states, section 8.1.1. */
enum {
  ISTHMUS_CONNECTION_FREE = 0,
  ISTHMUS_CONNECTION_XPT_WAIT,
  ISTHMUS_CONNECTION_XPT_UP,
  ISTHMUS_CONNECTION_IN_LOGIN,
  ISTHMUS_CONNECTION_LOGGED_IN,
  ISTHMUS_CONNECTION_IN_LOGOUT,
  ISTHMUS_CONNECTION_LOGOUT_REQUESTED,
  ISTHMUS_CONNECTION_CLEANUP_WAIT,
  ISTHMUS_CONNECTION_IN_CLEANUP
};
/* Session states, section 8.3.3. */
enum {
  ISTHMUS_SESSION_FREE = 0,
  ISTHMUS_SESSION_ACTIVE,
  ISTHMUS_SESSION_LOGGED_IN,
  ISTHMUS_SESSION_FAILED,
  ISTHMUS_SESSION_IN_CONTINUE
};

/* ==== Devices that check the digests of what arrives, or insert those of what leaves: sections 11.2.3, 7.8; docs/offload.md.
 * Nothing rests on a device: software checks what none vouched for, and "bad" is found again in software before anything
 * follows from it (a digest that the device took out aside). For both sides' sessions:
 *
 *   before the login    isthmus_data_segment_length_to_declare(): MaxRecvDataSegmentLength of the offer
 *   ARM_DIGESTS         arm the device at event.stream_offset; ..._set_offload(): what it does with what leaves
 *   bytes arrive        ..._receive_spans(), or ..._receive() with the evidence in the segment
 *   an answer later     ..._resolve()
 *   it lost the stream  ..._pdu_starts_at() tells whether a PDU starts where it believes so
 *   bytes leave         slices say ISTHMUS_PDU_START, _PDU_END, and what the device is to do: _DEVICE_INSERTS, ...
 *   the route changes   ..._set_offload() with another aligned_data_segment_length
 *   it goes             ..._abandon_pending(), ..._materialize(), ..._set_offload() with the defaults */

/* What a device said of so many consecutive bytes of a segment. */
typedef struct isthmus_verdict_span {
  size_t bytes;
  uint64_t pdu_offset;              /* as in isthmus_rx_segment: ISTHMUS_ANY_PDU, or where the PDU begins */
  isthmus_evidence header_evidence; /* for bytes of headers and their digests */
  isthmus_evidence data_evidence;   /* for bytes of data segments, padding and their digests */
} isthmus_verdict_span;

/* How a device serves a connection. The defaults, all 0: not at all. */
typedef struct isthmus_offload {
  size_t size;
  uint32_t epoch;                /* only verdicts of this life of a device are believed; 0: of any one life */
  uint32_t audit_one_in;         /* computes the digests of each n-th PDU whoever vouched for them; 0: of none */
  uint32_t verify_leases_one_in; /* of each n-th PDU whose digest a device inserts: whether its data stayed as they were */
  /* A device replaces these digests' four bytes: slices of their own, ISTHMUS_DEVICE_INSERTS. */
  bool inserts_header_digest, inserts_data_digest;
  /* An accelerator fills the four bytes in memory before they leave: ISTHMUS_FILL_DIGEST. Not with the two above. */
  bool fills_header_digest, fills_data_digest;
  /* Data is cut so that each PDU has at most so many bytes of it, beside the peer's MaxRecvDataSegmentLength: the largest
   * PDU that stays aligned now, isthmus_data_segment_length_to_send(). 0: no limit. */
  uint32_t aligned_data_segment_length;
  /* The device cuts over-long PDUs itself: PDUs have up to so many data bytes, with ISTHMUS_DEVICE_SEGMENTS where it must
   * cut. Only while it inserts all digests that are on. 0: it does not. */
  uint32_t segments_up_to;
} isthmus_offload;
ISTHMUS_API void isthmus_offload_init(isthmus_offload* offload, size_t size);

/* Answers to "does a PDU start here?" */
enum {
  ISTHMUS_PDU_START_YES = 0, /* with a header whose digest is right */
  ISTHMUS_PDU_START_NO = 1,  /* also if it was more than 32 PDUs ago */
  ISTHMUS_PDU_START_NOT_YET = 2 /* the stream has not come so far: ask again */
};

/* Digests that a device has put into a PDU that left. */
typedef struct isthmus_inserted_digests {
  uint64_t stream_offset; /* of the PDU's first byte, in the sent stream */
  uint32_t header_digest, data_digest; /* values; 0 where there is none. Headers do not change: theirs is computed anew */
} isthmus_inserted_digests;

/* How large PDUs may be, so that each fills one TCP segment and no more, where a device can only serve those. */
typedef struct isthmus_sizing {
  size_t size;
  uint32_t mtu;              /* of the path: bytes of an IP packet. Default 1500 */
  uint32_t ip_option_bytes;  /* IPv4 options, or IPv6 extension headers */
  uint32_t tcp_option_bytes; /* timestamps 12, SACK blocks 4 + 8 each, at most 40 in all */
  uint32_t tunnel_bytes;     /* outer headers inside this MTU */
  uint32_t ahs_bytes;        /* of the PDU, in whole words */
  uint32_t max_pdu_bytes;    /* longer PDUs the device does not check; 0: any */
  bool ipv6;
  bool header_digest, data_digest; /* of the PDU */
  bool needs_alignment;            /* the device serves only segments that hold exactly one PDU */
  bool segments_pdus;              /* it cuts over-long PDUs that leave */
} isthmus_sizing;
ISTHMUS_API void isthmus_sizing_init(isthmus_sizing* sizing, size_t size);
/* Payload of a full TCP segment, in bytes; 0: nothing fits. */
ISTHMUS_API uint32_t isthmus_segment_bytes(const isthmus_sizing* sizing);
/* The MaxRecvDataSegmentLength to declare: `wanted`, less where the device demands it, never below 512 (13.12). */
ISTHMUS_API uint32_t isthmus_data_segment_length_to_declare(const isthmus_sizing* sizing, uint32_t wanted);
/* The longest data segment to send now. */
ISTHMUS_API uint32_t isthmus_data_segment_length_to_send(const isthmus_sizing* sizing,
                                                         uint32_t peer_MaxRecvDataSegmentLength);

/* ==== A trace: a record of each PDU that connections received or emitted, in a ring of the caller's memory, pulled. When it
 * is full the oldest record makes room: a host that never reads it finds the last PDUs before a failure. Headers only: no
 * text, no data, so nothing of CHAP.
 *
 *   isthmus_trace_init(memory, isthmus_trace_size(1000), &trace);
 *   options.trace = trace; options.trace_source = 7;
 *   while (isthmus_trace_next(trace, &record)) print(&record);            beside ..._next() */
typedef struct isthmus_trace isthmus_trace;

typedef struct isthmus_trace_record {
  uint64_t number;              /* counts the trace's records from 0; a gap: lost */
  uint64_t stream_offset;       /* of the PDU's first byte, in its direction */
  int64_t at_ns;                /* as it was passed in with the end of a received PDU, or with the poll_transmit of a sent one */
  uint32_t source;              /* trace_source of the connection's options */
  uint32_t data_segment_length; /* bytes, without padding */
  bool sent;                    /* else received */
  /* ISTHMUS_...: received UNCHECKED without such a digest; sent GOOD with one, PENDING if a device is to put it in. */
  uint8_t header_verdict, data_verdict;
  bool header_by_device, data_by_device; /* a device's word, or work */
  uint8_t reserved[3];
  uint16_t error; /* ISTHMUS_ERROR_...: why framing was lost with this PDU; else 0 */
  uint16_t reserved2;
  uint32_t header_size;  /* bytes: 48 and the AHS */
  const uint8_t* header; /* until the next call of an engine that writes to the trace */
} isthmus_trace_record;

/* Bytes for a trace of so many PDUs without AHS. */
ISTHMUS_API size_t isthmus_trace_size(size_t records);
/* The trace outlives the connections that write to it, all of one thread. ISTHMUS_ERROR_CALL_ARGUMENT: memory not aligned,
 * or less than isthmus_trace_size(1). */
ISTHMUS_CHECKED int isthmus_trace_init(void* memory, size_t size, isthmus_trace** trace);
ISTHMUS_API bool isthmus_trace_next(isthmus_trace* trace, isthmus_trace_record* record);
/* Records that made room for younger ones before they were pulled. */
ISTHMUS_API uint64_t isthmus_trace_lost(const isthmus_trace* trace);

/* ==== Counters of one connection and its session: one struct for both sides, only uint64_t, never reset. What a side
 * does not count is 0. isthmus_counter_name(i) names the i-th member, so that a host exports them its own way:
 *
 *   for (size_t i = 0; i < isthmus_counter_count(); ++i)
 *     export(isthmus_counter_name(i), isthmus_counter_value(&counters, i)); */
typedef struct isthmus_counters {
  uint64_t rx_pdus, rx_bytes, rx_data_bytes, rx_copied_data_bytes;
  uint64_t rx_header_digests_by_software, rx_header_digests_by_device, rx_header_digest_errors;
  uint64_t rx_data_digests_by_software, rx_data_digests_by_device, rx_data_digest_errors;
  uint64_t rx_data_digest_bytes_by_software, rx_data_digest_bytes_by_device;
  uint64_t rx_device_bad_software_good, rx_audited, rx_device_good_software_bad;
  uint64_t tx_pdus, tx_bytes, tx_data_bytes, tx_staged_bytes;
  uint64_t tx_header_digests_by_software, tx_data_digests_by_software, tx_data_digest_bytes_by_software;
  uint64_t tx_header_digests_by_device, tx_data_digests_by_device, tx_data_digest_bytes_by_device;
  uint64_t commands, immediate_commands, reissued_commands; /* of the session, from here on */
  uint64_t read_bytes, write_bytes;                         /* moved for tasks */
  uint64_t data_in_pdus, data_out_pdus, r2ts, unsolicited_data_bytes;
  uint64_t rejects, async_messages, pings_sent, pings_answered;
  uint64_t ignored_pdus, discarded_pdus, window_closed;
  uint64_t rx_data_digests_by_accelerator, rx_data_digest_bytes_by_accelerator, rx_audited_bytes; /* of the connection */
  uint64_t tx_materialized, tx_lease_violations;
} isthmus_counters;

/* How many counters the library that runs has. */
ISTHMUS_API size_t isthmus_counter_count(void);
ISTHMUS_API const char* isthmus_counter_name(size_t index); /* "rx_pdus"; static; NULL: no such counter */
ISTHMUS_API const char* isthmus_counter_help(size_t index); /* one line, without a full stop; static; NULL likewise */
/* 0 for an index beyond isthmus_counters of this header. */
static inline uint64_t isthmus_counter_value(const isthmus_counters* counters, size_t index) {
  return index < sizeof *counters / sizeof(uint64_t) ? ((const uint64_t*)(const void*)counters)[index] : 0;
}

/* ==== SCSI vocabulary. */

/* The eight bytes of a LUN field for a logical unit number (SAM-5 4.7), up to 2^24 - 1. */
ISTHMUS_API void isthmus_lun_encode(uint32_t number, uint8_t lun[8]);
/* False: no LUN of one level (a well-known one, say). */
ISTHMUS_API bool isthmus_lun_decode(const uint8_t lun[8], uint32_t* number);
/* Whether it is an iSCSI name, section 4.2.7. */
ISTHMUS_API bool isthmus_is_name(const char* name);

/* Task attributes, section 11.3.1: values of the wire. */
enum {
  ISTHMUS_UNTAGGED = 0,
  ISTHMUS_SIMPLE = 1,
  ISTHMUS_ORDERED = 2,
  ISTHMUS_HEAD_OF_QUEUE = 3,
  ISTHMUS_ACA = 4
};

/* Task management functions, section 11.5.1, and RFC 7144 from QUERY_TASK on: values of the wire. */
enum {
  ISTHMUS_ABORT_TASK = 1,
  ISTHMUS_ABORT_TASK_SET = 2,
  ISTHMUS_CLEAR_ACA = 3,
  ISTHMUS_CLEAR_TASK_SET = 4,
  ISTHMUS_LOGICAL_UNIT_RESET = 5,
  ISTHMUS_TARGET_WARM_RESET = 6,
  ISTHMUS_TARGET_COLD_RESET = 7,
  ISTHMUS_TASK_REASSIGN = 8, /* needs ErrorRecoveryLevel 2: refused */
  ISTHMUS_QUERY_TASK = 9,
  ISTHMUS_QUERY_TASK_SET = 10,
  ISTHMUS_I_T_NEXUS_RESET = 11,
  ISTHMUS_QUERY_ASYNCHRONOUS_EVENT = 12
};

/* ==== Text: pairs of section 6.1, and the answer to SendTargets, Appendix C. */

/* Walks the pairs of a complete text; begin with *position 0. False: the end, or a malformed pair (then *position is
 * less than `size`). Key and value point into the text. */
ISTHMUS_API bool isthmus_text_next(const void* text, size_t size, size_t* position, isthmus_text* key,
                                   isthmus_text* value);
/* Appends a TargetName pair at out + used; the new `used`, or 0: it does not fit, or is no iSCSI name. */
ISTHMUS_API size_t isthmus_write_target_name(void* out, size_t size, size_t used, const char* name);
/* Appends a TargetAddress pair of the target written last: "192.0.2.1:3260", "[2001:db8::1]:3260" or a domain name, with
 * the portal group's tag. The new `used`, or 0. */
ISTHMUS_API size_t isthmus_write_target_address(void* out, size_t size, size_t used, const char* address,
                                                uint16_t portal_group_tag);

/* ==== PDUs as they pass: the receiver on its own, for a dissector or a transport's test. Sections 11.1, 11.2, 7.7, 7.8.
 *
 *   isthmus_receiver_push(receiver, &segment);
 *   while (isthmus_receiver_next(receiver, &item)) switch (item.kind) {
 *     case ISTHMUS_RX_HEADER: if (item.data_segment_length > 0) isthmus_receiver_set_sink(receiver, buffer, size); break;
 *     case ISTHMUS_RX_END:    the data segment is whole; item.data_verdict tells its digest
 *     case ISTHMUS_RX_RELEASE: item.lease is the transport's again
 *     case ISTHMUS_RX_ERROR:  framing is lost, nothing more comes
 *   } */
typedef struct isthmus_receiver isthmus_receiver;

enum { ISTHMUS_RX_HEADER = 0, ISTHMUS_RX_END = 1, ISTHMUS_RX_RELEASE = 2, ISTHMUS_RX_ERROR = 3 };

typedef struct isthmus_rx_item {
  uint8_t kind;                 /* ISTHMUS_RX_... */
  uint8_t data_verdict;         /* END: ISTHMUS_GOOD, ISTHMUS_BAD; ISTHMUS_UNCHECKED: there is no data digest */
  uint8_t reserved[2];
  uint32_t data_segment_length; /* HEADER, END: bytes, without padding */
  uint32_t lease;               /* RELEASE */
  uint32_t ahs_size;            /* HEADER, END: bytes */
  const uint8_t* header;        /* HEADER, END: the 48 bytes, verified, valid until the END is followed by another call */
  const uint8_t* ahs;
  const uint8_t* data; /* END: data_segment_length bytes in the sink; NULL after set_scratch */
  uint64_t stream_offset; /* of the PDU's first byte */
  isthmus_error error;    /* ERROR */
} isthmus_rx_item;

typedef struct isthmus_receiver_options {
  size_t size;
  int role;                          /* which side receives: ISTHMUS_TARGET gets requests, ISTHMUS_INITIATOR responses */
  uint32_t MaxRecvDataSegmentLength; /* bytes; a longer segment is an error from the header alone. Default 8192 */
  const isthmus_kernel* kernel;      /* NULL: the selected one */
  uint32_t audit_one_in;             /* computes the digests of each n-th PDU whoever vouched for them; 0: of none */
  uint32_t trace_source;
  isthmus_trace* trace; /* NULL: none */
} isthmus_receiver_options;
ISTHMUS_API void isthmus_receiver_options_init(isthmus_receiver_options* options, size_t size);
ISTHMUS_API size_t isthmus_receiver_size(const isthmus_receiver_options* options);
ISTHMUS_CHECKED int isthmus_receiver_init(void* memory, size_t size, const isthmus_receiver_options* options,
                                          isthmus_receiver** receiver);
ISTHMUS_API void isthmus_receiver_destroy(isthmus_receiver* receiver);
/* False, and nothing taken: eight segments wait, or stream_offset does not continue the stream. */
ISTHMUS_API bool isthmus_receiver_push(isthmus_receiver* receiver, const isthmus_rx_segment* segment);
ISTHMUS_API bool isthmus_receiver_next(isthmus_receiver* receiver, isthmus_rx_item* item);
/* Answers HEADER: the data goes to sink[0, data_segment_length), which lives until END. ISTHMUS_ERROR_CALL_OUT_OF_STATE,
 * ISTHMUS_ERROR_CALL_LENGTH. */
ISTHMUS_CHECKED int isthmus_receiver_set_sink(isthmus_receiver* receiver, void* sink, size_t size);
/* Answers HEADER: the data is digested and dropped. */
ISTHMUS_CHECKED int isthmus_receiver_set_scratch(isthmus_receiver* receiver);
/* A device's late verdict, for segments that were pushed as pending under this ticket. */
ISTHMUS_API void isthmus_receiver_resolve(isthmus_receiver* receiver, uint32_t ticket,
                                          const isthmus_evidence* header_evidence,
                                          const isthmus_evidence* data_evidence);
/* Take effect at the next PDU whose header was not given out. Digests begin with the full feature phase (13.1). */
ISTHMUS_API void isthmus_receiver_set_digests(isthmus_receiver* receiver, bool header_digest, bool data_digest);
ISTHMUS_API void isthmus_receiver_set_max_recv_data_segment_length(isthmus_receiver* receiver, uint32_t bytes);
/* A header as one line: "SCSI Command I=0 F=1 R=1 ...", with a zero byte, cut to what fits; its size. 768 suffice. */
ISTHMUS_API size_t isthmus_pdu_dump(const void* header, char* out, size_t size);

/* How often a peer may do a thing: a bucket of `burst` tokens, full at first, that gets per_second back each second. */
typedef struct isthmus_rate_limit {
  uint32_t burst;      /* 0: no limit */
  uint32_t per_second; /* at least 1 */
} isthmus_rate_limit;

/* ==== Target: limits. Every queue has a limit and an answer when it is full; memory is their sum. */

typedef struct isthmus_target_limits {
  size_t size;
  /* Login. */
  uint32_t text_bytes;       /* of one text, joined from its parts; at least 8192 (6.1) */
  uint32_t login_rounds;     /* Login Requests of one login */
  uint32_t login_timeout_ms; /* from the first call with a time, absolute */
  /* Session: give its connections the same. */
  uint32_t command_slots;         /* non-immediate commands that MaxCmdSN promises (4.2.2.1) */
  uint32_t immediate_commands;    /* beyond those; over it: Reject 0x06 */
  uint32_t task_management_slots; /* functions in progress, at most 16 */
  uint32_t r2t_slots;             /* R2Ts outstanding in the session */
  uint32_t source_slots;          /* pieces of send_data not yet released */
  uint32_t echo_slots;            /* copies waiting to leave (ping data, Reject's header), a connection */
  uint32_t echo_slot_bytes;       /* ping data above it is cut; at least 1068 */
  uint32_t staging_bytes;         /* copies of unstable sources, a connection; 0: they are refused; else at least 4096 */
  uint32_t sense_bytes;           /* per task */
  /* Time. 0: never. */
  uint32_t ping_interval_ms; /* silence before a NOP-In asks for life (11.19) */
  uint32_t ping_timeout_ms;
  uint32_t logout_timeout_s; /* for a logout that was asked for (11.9.1) */
  uint32_t hole_timeout_ms;  /* how long a missing CmdSN may hold back later commands */
  /* Topmost bits of the Target Transfer Tag that a device which places data may choose: accept_tagged_data(). At most 12. */
  uint32_t device_tag_bits;
  uint32_t reserved; /* 0 */
  /* Rates, a connection. Over them the connection ends, or Reject 0x06. */
  isthmus_rate_limit reject_rate;    /* PDUs rejected, or ignored for what they are: ISTHMUS_ERROR_REJECT_RATE */
  isthmus_rate_limit ping_rate;      /* NOP-Outs: ISTHMUS_ERROR_PING_RATE */
  isthmus_rate_limit immediate_rate; /* immediate commands and functions: Reject 0x06 (4.2.2.1) */
  isthmus_rate_limit text_rate;      /* text exchanges begun: ISTHMUS_ERROR_TEXT_RATE */
} isthmus_target_limits;
ISTHMUS_API void isthmus_target_limits_init(isthmus_target_limits* limits, size_t size);

/* ==== Target: events. */

/* A SCSI task; {0, 0} names none. */
typedef struct isthmus_target_task {
  uint32_t slot, generation;
} isthmus_target_task;
/* A task management function or SendTargets that waits for an answer. */
typedef struct isthmus_target_request {
  uint32_t slot, generation;
} isthmus_target_request;

/* In [brackets]: the members of isthmus_target_event that are set. */
enum {
  ISTHMUS_TARGET_NONE = 0,

  /* Of a connection, until it is attached to a session. */
  /* Who asks for what [initiator_name, target_name (empty: discovery that names none), discovery, isid, tsih, cid].
   * Answer: answer_lookup. */
  ISTHMUS_TARGET_LOOKUP,
  /* Authenticated [the same, and user_name if CHAP was used]. Reinstate, create or refuse: answer_claim, now or later. */
  ISTHMUS_TARGET_CLAIM,
  /* Move the connection into a session before anything else is called on it. */
  ISTHMUS_TARGET_LOGIN_DONE,

  /* Of a session: SCSI tasks. */
  /* A verified header whose unsolicited data is to come [task, and as COMMAND; length: bytes that the first window must
   * hold]. The command itself may yet turn out bad. Answer: accept_data(task, 0, window) or refuse. */
  ISTHMUS_TARGET_BEGIN,
  /* Committed, in CmdSN order [task, connection, lun, cdb, attribute, priority, read, write, immediate,
   * expected_data_transfer_length, bidi_read_length]. cdb stays until TASK_RELEASED. */
  ISTHMUS_TARGET_COMMAND,
  /* The window of accept_data is complete and verified [task, offset, length]. */
  ISTHMUS_TARGET_DATA_RECEIVED,
  /* Stop working on it, then release(task) [task]. */
  ISTHMUS_TARGET_TASK_ABORTED,
  /* Exactly once for each task of BEGIN or COMMAND: the engine holds no pointer of the caller's any more [task]. */
  ISTHMUS_TARGET_TASK_RELEASED,
  /* Bytes of send_data with `notify` are the caller's again [task, offset, length]. */
  ISTHMUS_TARGET_SOURCE_RELEASED,

  /* Of a session: everything else. */
  /* [request, function, lun, and task if it names one that exists]. Own tasks that it affects were aborted before. Answer,
   * when other sessions' tasks are gone too: answer_task_management. */
  ISTHMUS_TARGET_TASK_MANAGEMENT,
  ISTHMUS_TARGET_SCOPE_ABORTED, /* all that abort_tasks(.., cookie) meant is released [cookie] */
  /* [request, send_targets_all, target_name]. Answer: answer_text. */
  ISTHMUS_TARGET_SEND_TARGETS,
  ISTHMUS_TARGET_TEXT_RELEASED, /* the bytes of answer_text are the caller's again [request] */
  ISTHMUS_TARGET_LOGGED_OUT,    /* the peer logged out; DISCONNECT follows [connection] */

  /* Of both. */
  ISTHMUS_TARGET_RELEASE_RX,  /* [connection, lease] */
  ISTHMUS_TARGET_ARM_DIGESTS, /* digests begin at stream_offset: for devices, else ignore [connection, stream_offset] */
  /* Send what poll_transmit still gives if `flush`, close the transport, call on_transport_closed [connection, error (code
   * 0: a logout), flush]. */
  ISTHMUS_TARGET_DISCONNECT,
  ISTHMUS_TARGET_SESSION_ENDED /* no connection and no task is left: destroy the session */
};

/* Text and bytes in it are the engine's, until the next call that takes the engine unless the kind says longer. */
typedef struct isthmus_target_event {
  uint32_t kind; /* ISTHMUS_TARGET_... */
  bool discovery, flush, read, write, immediate, send_targets_all;
  uint8_t attribute; /* ISTHMUS_SIMPLE, ... */
  uint8_t priority;  /* RFC 7144: 0 to 15 */
  uint8_t function;  /* ISTHMUS_ABORT_TASK, ... */
  uint8_t isid[6];
  uint8_t lun[8]; /* as on the wire */
  uint8_t reserved1;
  uint16_t tsih; /* 0: a new session is asked for */
  uint16_t cid;
  isthmus_connection_id connection;
  isthmus_target_task task;
  isthmus_target_request request;
  uint32_t expected_data_transfer_length; /* bytes: of the write direction if `write`, else of the read direction */
  uint32_t bidi_read_length;              /* bytes to read of a command with both R and W */
  uint32_t offset, length;                /* bytes, in the task's data */
  uint32_t lease;
  const uint8_t* cdb;
  size_t cdb_size; /* 16, or that of an extended CDB */
  uint64_t cookie;
  uint64_t stream_offset;
  isthmus_text initiator_name, target_name, user_name;
  isthmus_error error;
  uint64_t reserved[4];
} isthmus_target_event;

ISTHMUS_API const char* isthmus_target_event_name(uint32_t kind); /* "command"; static */

/* ==== Target: a connection from its first byte to the end of its login. Sections 6.3, 11.12, 11.13, 12.1. */

typedef struct isthmus_target_connection isthmus_target_connection;

typedef struct isthmus_target_connection_options {
  size_t size;
  const isthmus_target_limits* limits; /* NULL: the defaults. Read during the call only, as all of the options */
  const isthmus_kernel* kernel;        /* NULL: the selected one */
  const isthmus_hash* hashes;          /* for CHAP, best first, at most ISTHMUS_HASHES; copied. NULL: no CHAP */
  size_t hash_count;
  isthmus_challenge_history* history;  /* of this thread's logins; outlives them. NULL: none */
  isthmus_trace* trace;                /* where a record of each PDU goes; NULL: nowhere */
  uint32_t trace_source;               /* the connection's name in it */
  uint32_t account_slots;              /* accounts that a lookup's answer may hold. Default 16 */
  uint8_t entropy[64]; /* fresh and secret for each connection: CHAP identifier and challenge */
} isthmus_target_connection_options;
ISTHMUS_API void isthmus_target_connection_options_init(isthmus_target_connection_options* options, size_t size);

/* Bytes for the connection, also later in a session. 0: the options are not valid. */
ISTHMUS_API size_t isthmus_target_connection_size(const isthmus_target_connection_options* options);
/* ISTHMUS_ERROR_CALL_SIZE; ISTHMUS_ERROR_CALL_ARGUMENT: memory too small or not aligned, hashes without MD5. */
ISTHMUS_CHECKED int isthmus_target_connection_init(void* memory, size_t size,
                                                   const isthmus_target_connection_options* options,
                                                   isthmus_target_connection** connection);
/* Its memory is the caller's again, unless it was attached: then when the session is destroyed. */
ISTHMUS_API void isthmus_target_connection_destroy(isthmus_target_connection* connection);

/* False, and nothing taken: drain next() first, or the connection is over, or the segment's `size` is not known. */
ISTHMUS_API bool isthmus_target_connection_receive(isthmus_target_connection* connection,
                                                   const isthmus_rx_segment* segment, int64_t now_ns);
ISTHMUS_API bool isthmus_target_connection_next(isthmus_target_connection* connection, isthmus_target_event* event);
/* How many of `wants` were filled. */
ISTHMUS_API size_t isthmus_target_connection_want_rx(isthmus_target_connection* connection, isthmus_rx_want* wants,
                                                     size_t count);
/* Bytes lent and not yet drained. */
ISTHMUS_API size_t isthmus_target_connection_unconsumed_rx(const isthmus_target_connection* connection);
/* How many of `slices` were filled; the same answer, or a longer one, until on_sent. 0: nothing to send. */
ISTHMUS_API size_t isthmus_target_connection_poll_transmit(isthmus_target_connection* connection,
                                                           isthmus_tx_slice* slices, size_t count, int64_t now_ns);
/* The transport took so many bytes, any split of what poll_transmit gave. */
ISTHMUS_API void isthmus_target_connection_on_sent(isthmus_target_connection* connection, size_t bytes);
/* The transport reads nothing below this offset of the sent stream any more: at once after a copying send. */
ISTHMUS_API void isthmus_target_connection_on_transport_done(isthmus_target_connection* connection,
                                                             uint64_t stream_offset);
/* The transport is gone. `reason`: 0 in order, or an ISTHMUS_ERROR_... of the embedder's choice. */
ISTHMUS_API void isthmus_target_connection_on_transport_closed(isthmus_target_connection* connection, int reason);
/* The login's deadline counts from the first call that says what time it is: call handle_timeout once at the start. */
ISTHMUS_API isthmus_deadline isthmus_target_connection_poll_timeout(const isthmus_target_connection* connection);
ISTHMUS_API void isthmus_target_connection_handle_timeout(isthmus_target_connection* connection, int64_t now_ns);

/* Who may log in, and what proves it (12.1.3). All of it is borrowed until LOGIN_DONE or DISCONNECT, and wiped nowhere.
 * `size` of the first account is the distance from one to the next. */
typedef struct isthmus_target_account {
  size_t size;
  const char* user_name;     /* CHAP_N of the initiator, compared whole */
  isthmus_bytes secret;      /* at least 12 bytes, unless allow_short_secret */
  const char* mutual_name;   /* CHAP_N of the target; NULL: none */
  isthmus_bytes mutual_secret; /* differs from secret; empty: an initiator's challenge is refused */
} isthmus_target_account;

typedef struct isthmus_target_lookup_answer {
  size_t size;
  uint8_t status_class, status_detail; /* 11.13.5; not 0: refused with it */
  bool require_chap;                   /* AuthMethod=None is refused (12.1) */
  bool require_mutual_chap;            /* so is an initiator that does not challenge in turn */
  bool allow_short_secret;             /* 9.2.1: only where IPsec protects the connection */
  uint8_t reserved[3];
  const char* redirect_address; /* with class 1: domainname[:port]; borrowed until DISCONNECT */
  const isthmus_offer* offer;   /* NULL: a target's defaults. Stays in place until LOGIN_DONE or DISCONNECT */
  uint32_t target_portal_group_tag; /* 13.9: 1 to 65535, sent; 0: the offer's, if it was set there */
  uint32_t account_count;
  const isthmus_target_account* accounts; /* none: CHAP is not offered */
} isthmus_target_lookup_answer;
ISTHMUS_API void isthmus_target_lookup_answer_init(isthmus_target_lookup_answer* answer, size_t size);
/* ISTHMUS_ERROR_CALL_OUT_OF_STATE: nothing asked; ISTHMUS_ERROR_CALL_SIZE; ISTHMUS_ERROR_CALL_QUEUE_FULL: more accounts
 * than account_slots; ISTHMUS_ERROR_CALL_ARGUMENT; ISTHMUS_ERROR_CALL_PARAMETER: an offer for the other side. */
ISTHMUS_CHECKED int isthmus_target_connection_answer_lookup(isthmus_target_connection* connection,
                                                            const isthmus_target_lookup_answer* answer);

typedef struct isthmus_target_claim_answer {
  size_t size;
  uint8_t status_class, status_detail; /* 11.13.5; not 0: refused with it */
  uint16_t tsih;                       /* granted; not 0 on success */
  bool joins;                          /* a session that exists; then its window (11.13.3): */
  uint8_t reserved[3];
  uint32_t exp_cmd_sn, max_cmd_sn;
} isthmus_target_claim_answer;
ISTHMUS_API void isthmus_target_claim_answer_init(isthmus_target_claim_answer* answer, size_t size);
ISTHMUS_CHECKED int isthmus_target_connection_answer_claim(isthmus_target_connection* connection,
                                                           const isthmus_target_claim_answer* answer);

/* What login found out: up to `size` bytes of *parameters. */
ISTHMUS_CHECKED int isthmus_target_connection_parameters(const isthmus_target_connection* connection,
                                                         isthmus_parameters* parameters, size_t size);
ISTHMUS_CHECKED int isthmus_target_connection_counters(const isthmus_target_connection* connection,
                                                       isthmus_counters* counters, size_t size);

/* ==== Target: a session. Sections 4.2.2, 4.2.3, 4.2.5, 7, 11.
 *
 *   A read:   COMMAND      -> send_data(task, 0, bytes, n, 0); complete(task, &completion);
 *                             both at once, and the status rides on the last Data-In (11.7.3)
 *             TASK_RELEASED
 *   A write:  BEGIN        -> accept_data(task, 0, window, n);          only if unsolicited data comes
 *             COMMAND      -> accept_data(task, 0, window, n);          if not given yet
 *             DATA_RECEIVED-> accept_data(task, offset + length, ...);  or, after the last, complete(task, ...)
 *   An abort: TASK_ABORTED -> stop; release(task);
 *
 * Windows and sources are the caller's; the engine reads and writes them until DATA_RECEIVED (window), SOURCE_RELEASED
 * with `notify` (source), or TASK_RELEASED (both). A window's contents are undefined until DATA_RECEIVED. */

typedef struct isthmus_target_session isthmus_target_session;

typedef struct isthmus_target_session_options {
  size_t size;
  const isthmus_target_limits* limits; /* NULL: the defaults; not below its connections'. Read during the call only */
} isthmus_target_session_options;
ISTHMUS_API void isthmus_target_session_options_init(isthmus_target_session_options* options, size_t size);

ISTHMUS_API size_t isthmus_target_session_size(const isthmus_target_session_options* options);
ISTHMUS_CHECKED int isthmus_target_session_init(void* memory, size_t size, const isthmus_target_session_options* options,
                                                isthmus_target_session** session);
/* Tells nobody: drain to SESSION_ENDED first, or own all windows and sources outright. */
ISTHMUS_API void isthmus_target_session_destroy(isthmus_target_session* session);

/* Takes over a connection that said LOGIN_DONE; its handle is then empty and its memory the session's. The first one's
 * names, parameters and TSIH become the session's. ISTHMUS_ERROR_CALL_OUT_OF_STATE: not logged in, or taken;
 * ISTHMUS_ERROR_CALL_QUEUE_FULL: no further connection; ISTHMUS_ERROR_CALL_ARGUMENT: another TSIH, or higher limits. */
ISTHMUS_CHECKED int isthmus_target_session_attach(isthmus_target_session* session, isthmus_target_connection* connection,
                                                  isthmus_connection_id* id);

/* The transport's side: as for a connection, by id. Calls for an id that is over do nothing. */
ISTHMUS_API bool isthmus_target_session_receive(isthmus_target_session* session, isthmus_connection_id id,
                                                const isthmus_rx_segment* segment, int64_t now_ns);
ISTHMUS_API bool isthmus_target_session_next(isthmus_target_session* session, isthmus_target_event* event);
ISTHMUS_API size_t isthmus_target_session_want_rx(isthmus_target_session* session, isthmus_connection_id id,
                                                  isthmus_rx_want* wants, size_t count);
ISTHMUS_API size_t isthmus_target_session_unconsumed_rx(const isthmus_target_session* session, isthmus_connection_id id);
ISTHMUS_API size_t isthmus_target_session_poll_transmit(isthmus_target_session* session, isthmus_connection_id id,
                                                        isthmus_tx_slice* slices, size_t count, int64_t now_ns);
ISTHMUS_API void isthmus_target_session_on_sent(isthmus_target_session* session, isthmus_connection_id id, size_t bytes);
ISTHMUS_API void isthmus_target_session_on_transport_done(isthmus_target_session* session, isthmus_connection_id id,
                                                          uint64_t stream_offset);
/* Tasks of the connection are aborted (7.6). */
ISTHMUS_API void isthmus_target_session_on_transport_closed(isthmus_target_session* session, isthmus_connection_id id,
                                                            int reason);
ISTHMUS_API isthmus_deadline isthmus_target_session_poll_timeout(const isthmus_target_session* session);
ISTHMUS_API void isthmus_target_session_handle_timeout(isthmus_target_session* session, int64_t now_ns);
/* A device's late verdict, for segments that were received as pending under this ticket. */
ISTHMUS_API void isthmus_target_session_resolve(isthmus_target_session* session, isthmus_connection_id id,
                                                uint32_t ticket, const isthmus_evidence* header_evidence,
                                                const isthmus_evidence* data_evidence);
/* How a device serves the connection from now on, for the PDUs not yet shown by poll_transmit; again when that changes.
 * ISTHMUS_ERROR_CALL_SIZE, ..._CALL_ARGUMENT: a mixture that cannot be; ..._CALL_OUT_OF_STATE: no such connection. */
ISTHMUS_CHECKED int isthmus_target_session_set_offload(isthmus_target_session* session, isthmus_connection_id id,
                                                       const isthmus_offload* offload);
/* As receive(), with the segment's bytes under the verdicts of `spans`, which follow one another from its first byte;
 * what they leave is under the segment's own. Bytes taken, from the front: if not all, drain next() and give the rest, at
 * its own stream_offset; if then none, the connection is over. A lease is of the part with the last byte. For a segment
 * with data. */
ISTHMUS_CHECKED size_t isthmus_target_session_receive_spans(isthmus_target_session* session, isthmus_connection_id id,
                                                            const isthmus_rx_segment* segment,
                                                            const isthmus_verdict_span* spans, size_t count,
                                                            int64_t now_ns);
/* No more answers will come for what is pending: software checks it. Then drain next(). */
ISTHMUS_API void isthmus_target_session_abandon_pending(isthmus_target_session* session, isthmus_connection_id id);
/* ISTHMUS_PDU_START_...: what to answer a device that lost the stream and asks whether a PDU starts at this offset of it. */
ISTHMUS_API uint32_t isthmus_target_session_pdu_starts_at(isthmus_target_session* session, isthmus_connection_id id,
                                                          uint64_t stream_offset);
/* The device is gone: software fills the placeholders of all that is in flight, with what the device had put there as far
 * as `inserted` knows it, so that a TCP that sends again sends the same bytes. Slices shown before are void.
 * ISTHMUS_ERROR_CALL_OUT_OF_STATE: PDUs that the device cut are in flight, and the connection must end. */
ISTHMUS_CHECKED int isthmus_target_session_materialize(isthmus_target_session* session, isthmus_connection_id id,
                                                       const isthmus_inserted_digests* inserted, size_t count);
/* Records of this connection go to another trace from now on, or, with NULL, nowhere: for one that changes its thread. */
ISTHMUS_API void isthmus_target_session_set_trace(isthmus_target_session* session, isthmus_connection_id id,
                                              isthmus_trace* trace, uint32_t source);

/* Commands. For a task that was aborted they do nothing and return 0. Otherwise ISTHMUS_ERROR_CALL_UNKNOWN_TASK,
 * ISTHMUS_ERROR_CALL_LENGTH (a range that overlaps, leaves a gap, or exceeds the task's data),
 * ISTHMUS_ERROR_CALL_QUEUE_FULL, ISTHMUS_ERROR_CALL_STATUS_TWICE, ISTHMUS_ERROR_CALL_DIRECTION. */

/* Lends the window [offset, offset + size) of the task's write data; windows follow one another without gaps. The engine
 * puts there what came unsolicited and asks for the rest by R2T (11.8). */
ISTHMUS_CHECKED int isthmus_target_session_accept_data(isthmus_target_session* session, isthmus_target_task task,
                                                       uint32_t offset, void* window, size_t size);
/* The same, and a device that places data knows the window: `device_tag` becomes the topmost device_tag_bits of the Target
 * Transfer Tags of its R2Ts. ISTHMUS_ERROR_CALL_ARGUMENT: it has more bits. */
ISTHMUS_CHECKED int isthmus_target_session_accept_tagged_data(isthmus_target_session* session, isthmus_target_task task,
                                                              uint32_t offset, void* window, size_t size,
                                                              uint32_t device_tag);
/* Answers BEGIN: the command fails with this SCSI status (0x08 BUSY, 0x28 TASK SET FULL); no COMMAND comes for it. */
ISTHMUS_CHECKED int isthmus_target_session_refuse(isthmus_target_session* session, isthmus_target_task task,
                                                  uint8_t status);
enum {
  /* Others may write the source meanwhile: copied and digested at emission, in PDUs of at most half of staging_bytes.
   * ISTHMUS_ERROR_CALL_ARGUMENT: those are less than 4096. */
  ISTHMUS_SEND_UNSTABLE = 1,
  ISTHMUS_SEND_NOTIFY = 2    /* SOURCE_RELEASED when nobody reads the source any more */
};
/* Lends the next bytes of the task's read data; `offset` continues the last. What lies beyond the expected length is not
 * sent, and counted as overflow (11.4.5). */
ISTHMUS_CHECKED int isthmus_target_session_send_data(isthmus_target_session* session, isthmus_target_task task,
                                                     uint32_t offset, const void* source, size_t size, uint32_t flags);

#define ISTHMUS_WHAT_MOVED UINT64_MAX

/* How a task ends, section 11.4. */
typedef struct isthmus_target_completion {
  size_t size;
  uint8_t status;   /* SCSI status */
  uint8_t response; /* 0 completed at target, 1 target failure (11.4.3) */
  uint16_t status_qualifier; /* RFC 7144; sent at iSCSIProtocolLevel 2 only */
  uint32_t sense_size;
  const void* sense; /* without its length field; at most sense_bytes; copied */
  /* Bytes that the command's own length asked for, where that is not what moved: above the expected length residual
   * overflow, below it underflow (11.4.5). Of the write direction if the command writes, else of the read direction. */
  uint64_t transfer_length;      /* default ISTHMUS_WHAT_MOVED */
  uint64_t bidi_transfer_length; /* read direction of a bidirectional command; default ISTHMUS_WHAT_MOVED */
} isthmus_target_completion;
ISTHMUS_API void isthmus_target_completion_init(isthmus_target_completion* completion, size_t size);
/* Ends the task after all data given to send_data has left; exactly once. NULL: status GOOD, and what moved. */
ISTHMUS_CHECKED int isthmus_target_session_complete(isthmus_target_session* session, isthmus_target_task task,
                                                    const isthmus_target_completion* completion);
/* Answers TASK_ABORTED: nothing of the caller's works on the task any more. */
ISTHMUS_CHECKED int isthmus_target_session_release(isthmus_target_session* session, isthmus_target_task task);

/* Aborts this session's tasks because of what another session's task management did (4.2.3.3): of one LUN, or, with NULL,
 * of all. `task_aborted_status`: TAS=1 of the Control mode page. SCOPE_ABORTED with the cookie when they are released. */
ISTHMUS_CHECKED int isthmus_target_session_abort_tasks(isthmus_target_session* session, const uint8_t lun[8],
                                                       bool task_aborted_status, uint64_t cookie);
/* Response codes of section 11.6.1 (0 function complete, 1 task does not exist, 2 LUN does not exist, 5 not supported, 7:
 * RFC 7144, 255 rejected); additional_response_information: 24 bits, RFC 7144. */
ISTHMUS_CHECKED int isthmus_target_session_answer_task_management(isthmus_target_session* session,
                                                                  isthmus_target_request request, uint8_t response,
                                                                  uint32_t additional_response_information);
/* Answers SEND_TARGETS with what isthmus_write_target_...() wrote; the engine pages it. Borrowed until TEXT_RELEASED.
 * Size 0: no such target. */
ISTHMUS_CHECKED int isthmus_target_session_answer_text(isthmus_target_session* session, isthmus_target_request request,
                                                       const void* text, size_t size);
/* Asks the initiator to log out; after timeout_s the connection is dropped (11.9.1, event 1). */
ISTHMUS_CHECKED int isthmus_target_session_request_logout(isthmus_target_session* session, isthmus_connection_id id,
                                                          uint16_t timeout_s);

/* Asynchronous Message, section 11.9. */
typedef struct isthmus_async_message {
  size_t size;
  uint8_t event; /* 0 SCSI, 1 logout, 2 connection dropped, 3 session dropped, 4 negotiate, 5 task termination, 248.. */
  uint8_t vcode;
  uint16_t parameter1, parameter2, parameter3;
  uint8_t lun[8];
  const void* sense; /* event 0; at most sense_bytes; copied */
  size_t sense_size;
} isthmus_async_message;
ISTHMUS_API void isthmus_async_message_init(isthmus_async_message* message, size_t size);
ISTHMUS_CHECKED int isthmus_target_session_send_async(isthmus_target_session* session, isthmus_connection_id id,
                                                      const isthmus_async_message* message);
/* A NOP-In that wants an answer (11.19); keepalive does so by itself. */
ISTHMUS_CHECKED int isthmus_target_session_ping(isthmus_target_session* session, isthmus_connection_id id);
/* Ends the session without ceremony: DISCONNECT for each connection, TASK_ABORTED for each task. */
ISTHMUS_CHECKED int isthmus_target_session_drop(isthmus_target_session* session, int reason);

ISTHMUS_CHECKED int isthmus_target_session_parameters(const isthmus_target_session* session,
                                                      isthmus_parameters* parameters, size_t size);
ISTHMUS_API isthmus_text isthmus_target_session_initiator_name(const isthmus_target_session* session);
ISTHMUS_API isthmus_text isthmus_target_session_target_name(const isthmus_target_session* session);
ISTHMUS_API uint16_t isthmus_target_session_tsih(const isthmus_target_session* session);
ISTHMUS_API uint32_t isthmus_target_session_exp_cmd_sn(const isthmus_target_session* session);
ISTHMUS_API uint32_t isthmus_target_session_max_cmd_sn(const isthmus_target_session* session);
ISTHMUS_API uint32_t isthmus_target_session_state(const isthmus_target_session* session); /* ISTHMUS_SESSION_... */
ISTHMUS_API uint32_t isthmus_target_session_connection_state(const isthmus_target_session* session,
                                                             isthmus_connection_id id); /* ISTHMUS_CONNECTION_... */
/* Of the session and of this connection; what belongs to a connection that is over is 0. */
ISTHMUS_CHECKED int isthmus_target_session_counters(const isthmus_target_session* session, isthmus_connection_id id,
                                                    isthmus_counters* counters, size_t size);

/* ==== Initiator: limits. */

typedef struct isthmus_initiator_limits {
  size_t size;
  /* Login. */
  uint32_t login_timeout_ms; /* from the first call with a time, absolute; 0: never */
  uint32_t login_rounds;     /* Login Requests of one login; at most 65535 */
  uint32_t text_bytes;       /* of one text, joined from its parts; at least 8192 (6.1) */
  /* Connection in a session. */
  uint32_t tx_entries;        /* PDUs and data transfers queued or being sent */
  uint32_t tx_pdus_in_flight; /* given to the transport and not passed by on_transport_done */
  uint32_t staging_bytes;     /* copies of unstable sources; 0: they are refused; else at least 4096 */
  /* Session. */
  uint32_t queue_depth; /* commands submitted and not completed; at most 4096 */
  uint32_t task_management_slots;
  uint32_t sense_bytes;      /* of one command; longer sense data is cut */
  uint32_t cdb_bytes;        /* longest CDB; at most 260 */
  uint32_t r2ts_per_command; /* MaxOutstandingR2T is clamped to it */
  uint32_t control_bytes;    /* data of a SCSI Response, Reject, Asynchronous Message, ping */
  uint32_t echo_slots;       /* answers to the target's pings on their way */
  /* Time. 0: never. */
  uint32_t ping_interval_ms; /* silence after which the engine pings the target (11.18) */
  uint32_t ping_timeout_ms;
  uint32_t logout_timeout_ms;
  uint32_t function_timeout_ms; /* for a task management function's response */
  uint32_t text_timeout_ms;     /* for each response of a text exchange */
  /* Topmost bits of the Initiator Task Tag that a device which places data may choose: the command's device_tag. At most
   * 12. */
  uint32_t device_tag_bits;
  uint32_t reserved; /* 0 */
  /* Rates, a connection. Over them the connection ends. */
  isthmus_rate_limit ping_rate;    /* NOP-Ins that ask for an answer: ISTHMUS_ERROR_PING_RATE */
  isthmus_rate_limit unasked_rate; /* Rejects, Asynchronous Messages, PDUs without effect: ISTHMUS_ERROR_UNASKED_RATE */
} isthmus_initiator_limits;
ISTHMUS_API void isthmus_initiator_limits_init(isthmus_initiator_limits* limits, size_t size);

/* ==== Initiator: events. */

#define ISTHMUS_NO_TASK UINT32_MAX

/* In [brackets]: the members of isthmus_initiator_event that are set. */
enum {
  ISTHMUS_INITIATOR_NONE = 0,

  /* Of a connection that logs in. */
  ISTHMUS_INITIATOR_LOGIN_DONE, /* move the connection into a session [tsih] */
  /* The target names another address (11.13.5) [text (TargetAddress), permanent, redirect_hops (for the next attempt's
   * options), status_class, status_detail]. DISCONNECT follows. */
  ISTHMUS_INITIATOR_REDIRECTED,
  ISTHMUS_INITIATOR_LOGIN_FAILED, /* [login_failure, error, status_class, status_detail]. DISCONNECT follows */

  /* Of both. */
  ISTHMUS_INITIATOR_DISCONNECT,  /* close the transport, then on_transport_closed [connection, error, flush] */
  ISTHMUS_INITIATOR_RELEASE_RX,  /* [connection, lease] */
  ISTHMUS_INITIATOR_ARM_DIGESTS, /* [connection, stream_offset] */

  /* Of a session. */
  /* A command has ended: exactly once each; nobody touches its buffers any more [task, cookie, outcome, error, response,
   * status, status_qualifier, residuals, data_in_bytes, data (sense data)]. */
  ISTHMUS_INITIATOR_COMPLETED,
  /* [task, cookie, outcome, error, function, tmf_response, additional_response]. */
  ISTHMUS_INITIATOR_TASK_MANAGEMENT_DONE,
  ISTHMUS_INITIATOR_TEXT_RECEIVED, /* [cookie, outcome, error, data (in the caller's buffer)] */
  ISTHMUS_INITIATOR_PONG,          /* [cookie, outcome, error] */
  /* [connection, async_event, async_vcode, parameter1..3, lun, data (sense data), async_data]. The engine has answered
   * as section 11.9.1 requires. */
  ISTHMUS_INITIATOR_ASYNC_MESSAGE,
  ISTHMUS_INITIATOR_LOGGED_OUT, /* [connection, logout_response, time2wait_s, time2retain_s]. DISCONNECT follows */
  /* The transport is gone: attach a new connection, logged in with the same ISID and TSIH 0, after time2wait_s; or end the
   * session [connection, error, time2wait_s, time2retain_s]. The lost connection's memory is the caller's again. */
  ISTHMUS_INITIATOR_CONNECTION_LOST,
  ISTHMUS_INITIATOR_SESSION_ENDED /* nothing is left [error] */
};

/* How a command, function, text exchange or ping ended. */
enum {
  ISTHMUS_OUTCOME_ANSWERED = 0,    /* read response and status, or tmf_response */
  ISTHMUS_OUTCOME_DIGEST_ERROR,    /* data was lost to a digest error (7.8) */
  ISTHMUS_OUTCOME_DATA_ERROR,      /* the target broke the rules for this task's data, or sent too little */
  ISTHMUS_OUTCOME_REJECTED,        /* reject_reason (11.17.1) */
  ISTHMUS_OUTCOME_ABORTED,         /* by abort, a task management function, or the target */
  ISTHMUS_OUTCOME_CONNECTION_LOST, /* it may or may not have been executed (7.2.2) */
  ISTHMUS_OUTCOME_LOGGED_OUT,      /* implicitly terminated by a logout (11.14.5) */
  ISTHMUS_OUTCOME_SESSION_ENDED,
  ISTHMUS_OUTCOME_TOO_LONG /* text: the answer exceeds the caller's buffer */
};

enum {
  ISTHMUS_LOGIN_OK = 0,
  ISTHMUS_LOGIN_WRONG_NAME,    /* 0x0203, 0x0204 */
  ISTHMUS_LOGIN_REFUSED,       /* 0x0200, 0x0202, 0x0206 to 0x020b */
  ISTHMUS_LOGIN_AUTHENTICATION_FAILED,
  ISTHMUS_LOGIN_TARGET_NOT_AUTHENTICATED,
  ISTHMUS_LOGIN_DIGEST_UNAVAILABLE, /* one side demands a digest that the other lacks */
  ISTHMUS_LOGIN_VERSION,
  ISTHMUS_LOGIN_TARGET_UNAVAILABLE, /* status class 3 */
  ISTHMUS_LOGIN_PROTOCOL_ERROR,     /* the target broke RFC 7143; `error` says how */
  ISTHMUS_LOGIN_TOO_MANY_REDIRECTS,
  ISTHMUS_LOGIN_DEADLINE,
  ISTHMUS_LOGIN_CONNECTION_LOST
};

enum { ISTHMUS_RESIDUAL_NONE = 0, ISTHMUS_RESIDUAL_UNDERFLOW = 1, ISTHMUS_RESIDUAL_OVERFLOW = 2 };

/* data, async_data and text are the engine's, until the next next() of the object, unless the kind says otherwise. */
typedef struct isthmus_initiator_event {
  uint32_t kind;         /* ISTHMUS_INITIATOR_... */
  uint8_t outcome;       /* ISTHMUS_OUTCOME_... */
  uint8_t login_failure; /* ISTHMUS_LOGIN_... */
  uint8_t response;      /* 0 command completed at target, 1 target failure */
  uint8_t status;        /* SCSI status, if outcome is ANSWERED and response 0 */
  uint8_t reject_reason; /* 11.17.1, if outcome is REJECTED */
  uint8_t function, tmf_response, logout_response, async_event, async_vcode;
  uint8_t status_class, status_detail; /* 11.13.5 */
  uint8_t redirect_hops;
  bool permanent, flush;
  uint8_t residual_kind;      /* of the command, its write part if bidirectional; ISTHMUS_RESIDUAL_... */
  uint8_t read_residual_kind; /* of the read part of a bidirectional one */
  uint8_t reserved1[3];
  uint16_t tsih;
  uint16_t parameter1, parameter2, parameter3;
  uint16_t time2wait_s, time2retain_s;
  uint16_t status_qualifier;   /* RFC 7144 */
  uint16_t reserved2;
  uint32_t additional_response; /* RFC 7144: 24 bits */
  uint32_t residual_count, read_residual_count; /* bytes */
  uint32_t data_in_bytes;                       /* received into the command's destination */
  uint32_t task;                                /* as submit gave it: its Initiator Task Tag */
  uint32_t lease;
  isthmus_connection_id connection;
  uint64_t cookie;
  uint64_t stream_offset;
  uint8_t lun[8];
  isthmus_bytes data, async_data;
  isthmus_text text;
  isthmus_error error;
  uint64_t reserved[4];
} isthmus_initiator_event;

ISTHMUS_API const char* isthmus_initiator_event_name(uint32_t kind);       /* "completed"; static */
ISTHMUS_API const char* isthmus_outcome_name(uint32_t outcome);            /* "digest error"; static */
ISTHMUS_API const char* isthmus_login_failure_name(uint32_t login_failure); /* "wrong name"; static */

/* ==== Initiator: a connection from its first byte to the end of its login. Chapters 6 and 12. */

typedef struct isthmus_initiator_connection isthmus_initiator_connection;

typedef struct isthmus_initiator_connection_options {
  size_t size;
  const char* initiator_name;  /* iqn., eui. or naa. (4.2.7) */
  const char* initiator_alias; /* NULL: none */
  const char* target_name;     /* NULL: a discovery session */
  uint8_t isid[6];             /* 11.12.5; the same again reinstates the session (6.3.5) */
  uint16_t tsih;               /* 0: a new session, or reinstatement */
  uint16_t cid;
  bool skip_security; /* without CHAP: begin in the operational stage (6.3) */
  uint8_t redirect_hops;     /* redirections that led here */
  uint8_t max_redirect_hops; /* default 4 */
  bool chap_optional;        /* log in also where the target asks for no authentication */
  bool allow_short_secrets;  /* 9.2.1: only where IPsec protects the connection */
  uint8_t reserved;
  uint32_t cmd_sn;            /* InitCmdSN: any number. Default 1 */
  uint32_t trace_source;      /* the connection's name in the trace */
  const isthmus_offer* offer; /* NULL: an initiator's defaults. Stays in place until the login ends */
  const char* chap_name;      /* CHAP_N of the initiator; NULL: CHAP is not offered */
  isthmus_bytes chap_secret;  /* at least 12 bytes; copied, wiped when the login ends, as the other */
  const char* chap_target_name;     /* CHAP_N that the target must give; NULL: any */
  isthmus_bytes chap_target_secret; /* not empty: mutual, the target must prove itself */
  const isthmus_hash* hashes;       /* in order of preference, at most ISTHMUS_HASHES; copied */
  size_t hash_count;
  uint8_t entropy[64];                    /* fresh and secret for each connection */
  const isthmus_kernel* kernel;           /* NULL: the selected one */
  const isthmus_initiator_limits* limits; /* NULL: the defaults */
  isthmus_trace* trace;                   /* where a record of each PDU goes; NULL: nowhere */
} isthmus_initiator_connection_options;
ISTHMUS_API void isthmus_initiator_connection_options_init(isthmus_initiator_connection_options* options, size_t size);

/* 0, or what is wrong: ISTHMUS_ERROR_CALL_SIZE, ..._CALL_NAME, ..._CALL_PARAMETER, ..._CALL_SECRET_TOO_SHORT,
 * ..._CALL_SECRET_SHARED, ..._CALL_ARGUMENT (limits, hashes without MD5). */
ISTHMUS_CHECKED int isthmus_initiator_connection_check(const isthmus_initiator_connection_options* options);
/* Bytes for the connection, also later in a session. 0: the options are not valid. */
ISTHMUS_API size_t isthmus_initiator_connection_size(const isthmus_initiator_connection_options* options);
/* Queues the first Login Request. The errors of check; ISTHMUS_ERROR_CALL_ARGUMENT: memory too small or not aligned. */
ISTHMUS_CHECKED int isthmus_initiator_connection_init(void* memory, size_t size,
                                                      const isthmus_initiator_connection_options* options,
                                                      isthmus_initiator_connection** connection);
/* Its memory is the caller's again, unless it was attached: then at CONNECTION_LOST or when the session is destroyed. */
ISTHMUS_API void isthmus_initiator_connection_destroy(isthmus_initiator_connection* connection);

/* The transport's side: as for a target's connection. */
ISTHMUS_API bool isthmus_initiator_connection_receive(isthmus_initiator_connection* connection,
                                                      const isthmus_rx_segment* segment, int64_t now_ns);
ISTHMUS_API bool isthmus_initiator_connection_next(isthmus_initiator_connection* connection,
                                                   isthmus_initiator_event* event);
ISTHMUS_API size_t isthmus_initiator_connection_want_rx(isthmus_initiator_connection* connection, isthmus_rx_want* wants,
                                                        size_t count);
ISTHMUS_API size_t isthmus_initiator_connection_unconsumed_rx(const isthmus_initiator_connection* connection);
ISTHMUS_API size_t isthmus_initiator_connection_poll_transmit(isthmus_initiator_connection* connection,
                                                              isthmus_tx_slice* slices, size_t count, int64_t now_ns);
ISTHMUS_API void isthmus_initiator_connection_on_sent(isthmus_initiator_connection* connection, size_t bytes);
ISTHMUS_API void isthmus_initiator_connection_on_transport_done(isthmus_initiator_connection* connection,
                                                                uint64_t stream_offset);
ISTHMUS_API void isthmus_initiator_connection_on_transport_closed(isthmus_initiator_connection* connection, int reason);
ISTHMUS_API isthmus_deadline isthmus_initiator_connection_poll_timeout(const isthmus_initiator_connection* connection);
ISTHMUS_API void isthmus_initiator_connection_handle_timeout(isthmus_initiator_connection* connection, int64_t now_ns);

/* From LOGIN_DONE on. */
ISTHMUS_CHECKED int isthmus_initiator_connection_parameters(const isthmus_initiator_connection* connection,
                                                            isthmus_parameters* parameters, size_t size);
ISTHMUS_CHECKED int isthmus_initiator_connection_counters(const isthmus_initiator_connection* connection,
                                                          isthmus_counters* counters, size_t size);
/* TargetAlias as the target declared it; empty: none. */
ISTHMUS_API isthmus_text isthmus_initiator_connection_target_alias(const isthmus_initiator_connection* connection);

/* ==== Initiator: a session. Chapters 4, 7, 11; RFC 7144 behind iSCSIProtocolLevel 2.
 *
 * A command's CDB is copied; its data_out and data_in stay in place, data_out unchanged, until its COMPLETED was pulled.
 * The contents of data_in are undefined until then, and data_in_bytes says how much of it counts. */

typedef struct isthmus_initiator_session isthmus_initiator_session;

typedef struct isthmus_initiator_session_options {
  size_t size;
  const isthmus_initiator_limits* limits; /* NULL: the defaults; give its connections the same */
} isthmus_initiator_session_options;
ISTHMUS_API void isthmus_initiator_session_options_init(isthmus_initiator_session_options* options, size_t size);

ISTHMUS_API size_t isthmus_initiator_session_size(const isthmus_initiator_session_options* options); /* 0: not valid */
ISTHMUS_CHECKED int isthmus_initiator_session_init(void* memory, size_t size,
                                                   const isthmus_initiator_session_options* options,
                                                   isthmus_initiator_session** session);
ISTHMUS_API void isthmus_initiator_session_destroy(isthmus_initiator_session* session);

/* Takes a connection that said LOGIN_DONE, with its unread bytes; its handle is then empty. ISTHMUS_ERROR_CALL_OUT_OF_STATE:
 * not logged in, or the session has a connection or has ended; ISTHMUS_ERROR_CALL_ARGUMENT: its limits are lower. */
ISTHMUS_CHECKED int isthmus_initiator_session_attach(isthmus_initiator_session* session,
                                                     isthmus_initiator_connection* connection, isthmus_connection_id* id);

/* The transport's side, by id. Calls for an older id do nothing. */
ISTHMUS_API bool isthmus_initiator_session_receive(isthmus_initiator_session* session, isthmus_connection_id id,
                                                   const isthmus_rx_segment* segment, int64_t now_ns);
ISTHMUS_API bool isthmus_initiator_session_next(isthmus_initiator_session* session, isthmus_initiator_event* event);
ISTHMUS_API size_t isthmus_initiator_session_want_rx(isthmus_initiator_session* session, isthmus_connection_id id,
                                                     isthmus_rx_want* wants, size_t count);
ISTHMUS_API size_t isthmus_initiator_session_unconsumed_rx(const isthmus_initiator_session* session,
                                                           isthmus_connection_id id);
ISTHMUS_API size_t isthmus_initiator_session_poll_transmit(isthmus_initiator_session* session, isthmus_connection_id id,
                                                           isthmus_tx_slice* slices, size_t count, int64_t now_ns);
ISTHMUS_API void isthmus_initiator_session_on_sent(isthmus_initiator_session* session, isthmus_connection_id id,
                                                   size_t bytes);
ISTHMUS_API void isthmus_initiator_session_on_transport_done(isthmus_initiator_session* session,
                                                             isthmus_connection_id id, uint64_t stream_offset);
/* Every lease of it that was not given back is void. */
ISTHMUS_API void isthmus_initiator_session_on_transport_closed(isthmus_initiator_session* session,
                                                               isthmus_connection_id id, int reason);
ISTHMUS_API isthmus_deadline isthmus_initiator_session_poll_timeout(const isthmus_initiator_session* session);
ISTHMUS_API void isthmus_initiator_session_handle_timeout(isthmus_initiator_session* session, int64_t now_ns);
ISTHMUS_API void isthmus_initiator_session_resolve(isthmus_initiator_session* session, isthmus_connection_id id,
                                                   uint32_t ticket, const isthmus_evidence* header_evidence,
                                                   const isthmus_evidence* data_evidence);
/* The device's side: as of a target's session. */
ISTHMUS_CHECKED int isthmus_initiator_session_set_offload(isthmus_initiator_session* session, isthmus_connection_id id,
                                                          const isthmus_offload* offload);
ISTHMUS_CHECKED size_t isthmus_initiator_session_receive_spans(isthmus_initiator_session* session,
                                                               isthmus_connection_id id,
                                                               const isthmus_rx_segment* segment,
                                                               const isthmus_verdict_span* spans, size_t count,
                                                               int64_t now_ns);
ISTHMUS_API void isthmus_initiator_session_abandon_pending(isthmus_initiator_session* session,
                                                           isthmus_connection_id id);
ISTHMUS_API uint32_t isthmus_initiator_session_pdu_starts_at(isthmus_initiator_session* session,
                                                             isthmus_connection_id id, uint64_t stream_offset);
ISTHMUS_CHECKED int isthmus_initiator_session_materialize(isthmus_initiator_session* session, isthmus_connection_id id,
                                                          const isthmus_inserted_digests* inserted, size_t count);
/* Records of this connection go to another trace from now on, or, with NULL, nowhere: for one that changes its thread. */
ISTHMUS_API void isthmus_initiator_session_set_trace(isthmus_initiator_session* session, isthmus_connection_id id,
                                              isthmus_trace* trace, uint32_t source);

typedef struct isthmus_initiator_command {
  size_t size;
  uint8_t lun[8]; /* as on the wire: isthmus_lun_encode() */
  const void* cdb;
  uint32_t cdb_size;     /* 1 to cdb_bytes; above 16 as an Extended CDB AHS */
  uint8_t attribute;     /* ISTHMUS_SIMPLE, ... Default ISTHMUS_SIMPLE */
  uint8_t priority;      /* 0 to 15; sent only under iSCSIProtocolLevel 2 */
  bool immediate;        /* for immediate delivery: takes no CmdSN (4.2.2.1) */
  bool unstable_source;  /* others may write data_out meanwhile (staging_bytes) */
  const void* data_out;  /* not empty: the W bit */
  void* data_in;         /* not empty: the R bit. Both: bidirectional */
  uint32_t data_out_size;
  uint32_t data_in_size;
  bool reissue; /* after a lost connection it is sent again, and may be executed twice; otherwise it is reported */
  uint8_t reserved[7];
  uint64_t cookie; /* comes back in COMPLETED */
  /* The topmost device_tag_bits of the Initiator Task Tag: under these a device knows data_in. */
  uint32_t device_tag;
  uint32_t reserved2;
} isthmus_initiator_command;
ISTHMUS_API void isthmus_initiator_command_init(isthmus_initiator_command* command, size_t size);

/* Commands: refused without any effect, or answered by exactly one event. */

/* ISTHMUS_ERROR_CALL_QUEUE_FULL: queue_depth commands are not completed; ..._CALL_CDB_LENGTH, ..._CALL_ARGUMENT,
 * ..._CALL_DISCOVERY, ..._CALL_OUT_OF_STATE. Legal without a connection: it waits for one. *task may be NULL. */
ISTHMUS_CHECKED int isthmus_initiator_session_submit(isthmus_initiator_session* session,
                                                     const isthmus_initiator_command* command, uint32_t* task);
/* Ends a command early: at once with ABORTED if it is not yet on the wire, else by ABORT TASK, whose
 * TASK_MANAGEMENT_DONE with the cookie comes after the command's COMPLETED. */
ISTHMUS_CHECKED int isthmus_initiator_session_abort(isthmus_initiator_session* session, uint32_t task, uint64_t cookie);

typedef struct isthmus_initiator_task_management {
  size_t size;
  uint8_t lun[8]; /* the task's own for ISTHMUS_ABORT_TASK and ISTHMUS_QUERY_TASK */
  uint8_t function;
  bool ordered; /* not marked for immediate delivery: takes a CmdSN */
  uint8_t reserved[2];
  uint32_t referenced_task; /* ISTHMUS_ABORT_TASK, ISTHMUS_QUERY_TASK */
  uint64_t cookie;
} isthmus_initiator_task_management;
ISTHMUS_API void isthmus_initiator_task_management_init(isthmus_initiator_task_management* request, size_t size);
/* ISTHMUS_ERROR_CALL_NOT_NEGOTIATED: needs iSCSIProtocolLevel 2, or ErrorRecoveryLevel 2. *task may be NULL. */
ISTHMUS_CHECKED int isthmus_initiator_session_send_task_management(isthmus_initiator_session* session,
                                                                   const isthmus_initiator_task_management* request,
                                                                   uint32_t* task);
/* NOP-Out with these bytes, at most the peer's MaxRecvDataSegmentLength and control_bytes; borrowed until PONG. One at a
 * time (11.18). */
ISTHMUS_CHECKED int isthmus_initiator_session_ping(isthmus_initiator_session* session, const void* data, size_t size,
                                                   uint64_t cookie);
/* A text exchange of keys that change nothing; request and answer are borrowed until TEXT_RECEIVED. One at a time
 * (11.10). */
ISTHMUS_CHECKED int isthmus_initiator_session_send_text(isthmus_initiator_session* session, const void* request,
                                                        size_t size, void* answer, size_t answer_size, uint64_t cookie);
/* "All" (discovery sessions only), a target's name, or "" for this session's own (Appendix C). Read the answer with
 * isthmus_text_next(). */
ISTHMUS_CHECKED int isthmus_initiator_session_send_targets(isthmus_initiator_session* session, const char* target,
                                                           void* answer, size_t answer_size, uint64_t cookie);
/* Declares a new MaxRecvDataSegmentLength, in bytes (13.12). Answered by TEXT_RECEIVED. */
ISTHMUS_CHECKED int isthmus_initiator_session_renegotiate(isthmus_initiator_session* session,
                                                          uint32_t MaxRecvDataSegmentLength, uint64_t cookie);
/* 0 close the session, 1 close the connection, 2 remove it for recovery (11.14.1). Commands not completed are implicitly
 * terminated: drain them first. */
ISTHMUS_CHECKED int isthmus_initiator_session_logout(isthmus_initiator_session* session, uint8_t reason);
/* Ends the session without a word: every command completes, then SESSION_ENDED. */
ISTHMUS_CHECKED int isthmus_initiator_session_end(isthmus_initiator_session* session);

ISTHMUS_CHECKED int isthmus_initiator_session_parameters(const isthmus_initiator_session* session,
                                                         isthmus_parameters* parameters, size_t size);
ISTHMUS_API uint16_t isthmus_initiator_session_tsih(const isthmus_initiator_session* session);
ISTHMUS_API uint32_t isthmus_initiator_session_state(const isthmus_initiator_session* session); /* ISTHMUS_SESSION_... */
ISTHMUS_API uint32_t isthmus_initiator_session_connection_state(const isthmus_initiator_session* session);
ISTHMUS_API bool isthmus_initiator_session_connected(const isthmus_initiator_session* session);
ISTHMUS_API size_t isthmus_initiator_session_outstanding(const isthmus_initiator_session* session);
/* Commands that the target would take now: MaxCmdSN - CmdSN + 1. */
ISTHMUS_API uint32_t isthmus_initiator_session_command_window(const isthmus_initiator_session* session);
/* Of the session and of its connection; without one, what belongs to a connection is 0. */
ISTHMUS_CHECKED int isthmus_initiator_session_counters(const isthmus_initiator_session* session,
                                                       isthmus_counters* counters, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* ISTHMUS_H_ */
