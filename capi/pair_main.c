/* A login, a write, a read and a logout, between the two sides in one program: shows that an installed library works.
 *
 *   cc pair_main.c pair.c $(pkg-config --cflags --libs isthmus) && ./a.out      (exit status 0: all of it came back) */
#include <stdio.h>
#include <string.h>

#include "pair.h"

int main(void) {
  static const char* const kKeys[] = {"HeaderDigest", "CRC32C", "DataDigest", "CRC32C", NULL};
  static uint8_t out[64 * PAIR_BLOCK], in[64 * PAIR_BLOCK];
  struct pair_options options;
  memset(&options, 0, sizeof options);
  options.keys = kKeys;
  options.unasked = true;
  for (size_t i = 0; i < sizeof out; ++i) out[i] = (uint8_t)(i * 31 >> 3);
  struct pair* pair = pair_create(&options);
  if (pair == NULL || !pair_login(pair)) return 1;
  if (pair_submit_write(pair, 5, out, 64, 1, NULL) != ISTHMUS_OK) return 2;
  pair_run(pair);
  if (pair_submit_read(pair, 5, in, 64, 2, NULL) != ISTHMUS_OK) return 3;
  pair_run(pair);
  const isthmus_initiator_event* read = pair_completed(pair, 2);
  if (read == NULL || read->outcome != ISTHMUS_OUTCOME_ANSWERED || memcmp(in, out, sizeof in) != 0) return 4;
  if (isthmus_initiator_session_logout(pair->initiator, 0) != ISTHMUS_OK) return 5;
  pair_run(pair);
  const bool good = pair->target_ended && pair->initiator_ended && pair->target_errors == 0;
  pair_destroy(pair);
  printf("isthmus %s with kernel %s: %s\n", isthmus_version(), isthmus_kernel_name(isthmus_kernel_selected()),
         good ? "all came back" : "did not end well");
  return good ? 0 : 6;
}
