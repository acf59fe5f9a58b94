// How often something may happen: so many at once, and so many a second in the long run. For what a
// peer may do at no cost to itself, RFC 7143 sections 9 (security) and 4.2.2.1 (immediate commands).
// Time is an argument (protocol/time.h).
//
//   TokenBucket rejects(RateLimit{.burst = 256, .per_second = 32});
//   if (!rejects.Take(now)) ...           // empty: this one is too many
#ifndef ISTHMUS_PROTOCOL_SESSION_TOKEN_BUCKET_H_
#define ISTHMUS_PROTOCOL_SESSION_TOKEN_BUCKET_H_

#include <algorithm>
#include <cstdint>

#include "protocol/time.h"

namespace isthmus {

// The bucket holds `burst` tokens, is full at first, and gets `per_second` back each second.
struct RateLimit {
  uint32_t burst = 0;       // 0: no limit
  uint32_t per_second = 1;  // at least 1, at most 1,000,000
};

class TokenBucket {
 public:
  TokenBucket() = default;
  explicit TokenBucket(RateLimit limit)
      : token_ns_(1'000'000'000 / std::clamp<int64_t>(limit.per_second, 1, 1'000'000)),
        full_ns_(token_ns_ * limit.burst),
        level_ns_(full_ns_) {}

  // False: it is empty. A clock that goes back gives nothing, and takes nothing.
  bool Take(Instant now) {
    if (full_ns_ == 0) return true;
    if (seen_ && filled_at_ < now) {
      const int64_t passed = now.ns - filled_at_.ns;
      level_ns_ = passed >= full_ns_ - level_ns_ ? full_ns_ : level_ns_ + passed;
    }
    if (!seen_ || filled_at_ < now) filled_at_ = now;
    seen_ = true;
    if (level_ns_ < token_ns_) return false;
    level_ns_ -= token_ns_;
    return true;
  }

 private:
  // Tokens are counted in the time that it takes to get them.
  int64_t token_ns_ = 0, full_ns_ = 0, level_ns_ = 0;
  Instant filled_at_ = {};
  bool seen_ = false;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_SESSION_TOKEN_BUCKET_H_
