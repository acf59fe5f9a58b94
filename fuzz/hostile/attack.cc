#include "fuzz/hostile/attack.h"

#include <algorithm>

namespace isthmus::hostile {

const char* Name(Chunking chunking) {
  switch (chunking) {
    case Chunking::kWhole:
      return "whole";
    case Chunking::kPdus:
      return "pdus";
    case Chunking::kBytes:
      return "bytes";
    case Chunking::kRandom:
      return "random";
  }
  return "";
}

Verdict Run(const Case& test, Peer& peer, const Options& options) {
  if ((test.needs & kNeedsHeaderDigest) != 0 && !options.digests.header) {
    return {Verdict::kNotApplicable, "needs header digests", false, {}};
  }
  if ((test.needs & kNeedsDataDigest) != 0 && !options.digests.data) {
    return {Verdict::kNotApplicable, "needs data digests", false, {}};
  }
  Attack attack(peer, options);
  Verdict verdict;
  try {
    test.run(attack);
  } catch (const Failed& failed) {
    verdict = {Verdict::kFail, failed.text, attack.judging, {}};
  } catch (const NotApplicable& reason) {
    verdict = {Verdict::kNotApplicable, reason.text, attack.judging, {}};
  }
  verdict.transcript = std::move(attack.transcript);
  return verdict;
}

Wire::Wire(Attack& attack)
    : attack_(attack),
      link_(attack.peer.Open(attack.options.deadline_ms * 5)),
      random_(attack.options.seed * 2654435761U + 1) {
  if (link_ == nullptr) throw NotApplicable{"no connection"};
}

uint32_t Wire::Random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return random_;
}

void Wire::SendRaw(std::string bytes) {
  if (!bytes.empty()) queued_.push_back(std::move(bytes));
}

void Wire::Flush() {
  if (link_ == nullptr || queued_.empty()) {
    queued_.clear();
    return;
  }
  std::string all;
  for (const std::string& bytes : queued_) {
    if (attack_.options.chunking == Chunking::kPdus) {
      link_->Send(bytes);
    } else {
      all += bytes;
    }
  }
  queued_.clear();
  const std::string_view rest = all;
  switch (attack_.options.chunking) {
    case Chunking::kPdus:
      return;
    case Chunking::kWhole:
      return link_->Send(rest);
    case Chunking::kBytes:
      for (size_t at = 0; at < rest.size();) {
        // The middle of what is long says nothing that a few of its bytes do not.
        const bool middle = rest.size() > 8192 && at >= 4096 && at + 1024 < rest.size();
        const size_t size = middle ? rest.size() - 1024 - at : 1;
        link_->Send(rest.substr(at, size));
        at += size;
      }
      return;
    case Chunking::kRandom:
      for (size_t at = 0; at < rest.size();) {
        // Short pieces most of the time: headers and digests are what splits hurt.
        const size_t size = Random() % 4 == 0 ? 1 + Random() % 4096 : 1 + Random() % 60;
        link_->Send(rest.substr(at, size));
        at += size;
      }
      return;
  }
}

void Wire::EndStream() {
  Flush();
  if (link_ != nullptr) link_->EndStream();
}

Wire::Seen Wire::Next(int64_t deadline_ms) {
  Flush();
  if (link_ == nullptr) return {Link::Got::kClosed, {}};
  while (true) {
    decoder_.digests = digests;
    if (std::optional<Pdu> pdu = decoder_.Next()) {
      if (!decoder_.wrong().empty()) {
        throw Failed{"the peer sent a " + pdu->Describe() + ": " + decoder_.wrong()};
      }
      attack_.transcript.push_back(pdu->Describe());
      return {Link::Got::kBytes, *std::move(pdu)};
    }
    if (closed_) return {Link::Got::kClosed, {}};
    std::string bytes;
    const Link::Got got = link_->Receive(deadline_ms, &bytes);
    decoder_.Add(bytes);
    received_ += bytes.size();
    if (got == Link::Got::kSilence) return {got, {}};
    if (got == Link::Got::kClosed) {
      closed_ = true;
      attack_.transcript.push_back("closed");
    }
  }
}

std::string Reaction::Describe() const {
  std::string text;
  for (size_t i = 0; i < pdus.size(); ++i) {
    if (i == 6 && pdus.size() > 8) {
      text += "... " + std::to_string(pdus.size() - i) + " more, ";
      break;
    }
    text += pdus[i].Describe() + ", ";
  }
  text += closed ? "closed" : alive ? "goes on" : "silence";
  switch (work) {
    case WorkResult::kUnknown:
      break;
    case WorkResult::kRunning:
      text += ", its work has no end";
      break;
    case WorkResult::kGood:
      text += ", its work reported as done";
      break;
    case WorkResult::kCorrupt:
      text += ", its work reported as done with wrong data";
      break;
    case WorkResult::kFailed:
      text += ", its work reported as failed";
      break;
  }
  return text;
}

void Judge(const Reaction& reaction, std::initializer_list<Outcome> outcomes) {
  std::string wanted;
  for (const Outcome& outcome : outcomes) {
    if (outcome.matches(reaction)) return;
    wanted += (wanted.empty() ? "" : ", or ") + outcome.text;
  }
  throw Failed{"required: " + wanted + "; seen: " + reaction.Describe()};
}

}  // namespace isthmus::hostile
