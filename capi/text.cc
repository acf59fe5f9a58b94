// Offers, text pairs, names and LUNs, for C. RFC 7143 sections 4.2.7, 6.1, 13, Appendix C.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

#include "capi/face.h"
#include "capi/isthmus.h"
#include "initiator/connection.h"
#include "protocol/text/codec.h"
#include "protocol/text/key_setting.h"
#include "protocol/text/key_table.h"
#include "protocol/text/names.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/send_targets.h"
#include "protocol/wire/lun.h"

namespace text = isthmus::text;
using isthmus::Role;

// An offer, and the texts that it points at.
struct isthmus_offer {
  Role role;
  text::Offer offer;
  text::SettingProblem problem = text::SettingProblem::kNone;
  std::array<char, text::kMaxSimpleValueBytes> target_alias = {};
  std::array<char, text::kMaxSimpleValueBytes> node_architecture = {};
};

namespace {

// An initiator's name and alias stand in its connection's options.
bool IsSettable(const isthmus_offer& offer, const text::KeyInfo& info) {
  return text::IsSettable(info, offer.role) && info.key != text::Key::kInitiatorName &&
         info.key != text::Key::kInitiatorAlias;
}

const text::KeyInfo* FindSettable(const isthmus_offer& offer, const char* key) {
  const text::KeyInfo* const info = text::FindKey(key);
  return info != nullptr && IsSettable(offer, *info) ? info : nullptr;
}

// Where the handle keeps the value of a key that is text; nullptr: it is none.
std::array<char, text::kMaxSimpleValueBytes>* KeptText(isthmus_offer& offer, text::Key key) {
  if (key == text::Key::kTargetAlias) return &offer.target_alias;
  if (key == text::Key::kNodeArchitecture) return &offer.node_architecture;
  return nullptr;
}

}  // namespace

namespace isthmus::capi {
const text::Offer& OfferOf(const isthmus_offer& offer) { return offer.offer; }
Role RoleOf(const isthmus_offer& offer) { return offer.role; }
}  // namespace isthmus::capi

extern "C" {

size_t isthmus_offer_size(void) { return sizeof(isthmus_offer); }

int isthmus_offer_init(void* memory, size_t size, int role, isthmus_offer** offer) {
  if (offer == nullptr || !isthmus::capi::IsUsable(memory, size, sizeof(isthmus_offer)) ||
      (role != ISTHMUS_TARGET && role != ISTHMUS_INITIATOR)) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  *offer = ::new (memory) isthmus_offer{};
  (*offer)->role = role == ISTHMUS_TARGET ? Role::kTarget : Role::kInitiator;
  if (role == ISTHMUS_INITIATOR) (*offer)->offer = isthmus::initiator::DefaultOffer();
  return ISTHMUS_OK;
}

int isthmus_offer_set(isthmus_offer* offer, const char* key, const char* value) {
  if (offer == nullptr || key == nullptr || value == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  const text::KeyInfo* const info = FindSettable(*offer, key);
  if (info == nullptr) {
    offer->problem = text::SettingProblem::kNoSetting;
    return ISTHMUS_ERROR_CALL_PARAMETER;
  }
  std::string_view view = value;
  text::Offer changed = offer->offer;
  offer->problem = text::SetKey(&changed, info->key, view);
  if (offer->problem != text::SettingProblem::kNone) return ISTHMUS_ERROR_CALL_PARAMETER;
  if (auto* const kept = KeptText(*offer, info->key); kept != nullptr) {
    std::memmove(kept->data(), view.data(), view.size());
    view = {kept->data(), view.size()};
  }
  offer->problem = text::SetKey(&offer->offer, info->key, view);
  return ISTHMUS_OK;
}

const char* isthmus_offer_problem(const isthmus_offer* offer) {
  return offer == nullptr ? "no offer" : text::Describe(offer->problem).data();
}

size_t isthmus_offer_get(const isthmus_offer* offer, const char* key, char* out, size_t size) {
  if (offer == nullptr || key == nullptr) return 0;
  const text::KeyInfo* const info = FindSettable(*offer, key);
  if (info == nullptr) return 0;
  std::array<char, text::kMaxSimpleValueBytes> whole;
  const size_t length = text::ShowKey(offer->offer, info->key, whole);
  if (out != nullptr && size > 0) {
    const size_t shown = std::min(length, size - 1);
    std::memcpy(out, whole.data(), shown);
    out[shown] = '\0';
  }
  return length;
}

int isthmus_offer_check(const isthmus_offer* offer, const char** key) {
  if (offer == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  text::Offer whole = offer->offer;
  // What a connection's options give later.
  if (offer->role == Role::kInitiator) {
    whole.InitiatorName = "iqn.2026-11.example:any";
    whole.SessionType = text::SessionKind::kDiscovery;
  }
  const std::optional<text::Key> wrong = text::FindInvalid(whole, offer->role);
  if (!wrong) return ISTHMUS_OK;
  if (key != nullptr) *key = text::InfoOf(*wrong).name.data();
  return ISTHMUS_ERROR_CALL_PARAMETER;
}

const char* isthmus_offer_key(const isthmus_offer* offer, size_t index) {
  if (offer == nullptr) return nullptr;
  for (const text::KeyInfo& info : text::kKeyTable) {
    if (IsSettable(*offer, info) && index-- == 0) return info.name.data();
  }
  return nullptr;
}

bool isthmus_text_next(const void* bytes, size_t size, size_t* position, isthmus_text* key,
                       isthmus_text* value) {
  if (bytes == nullptr || position == nullptr || key == nullptr || value == nullptr ||
      *position >= size) {
    return false;
  }
  const auto rest = isthmus::capi::Bytes(bytes, size).subspan(*position);
  text::PairReader reader(rest);
  text::Pair pair;
  if (!reader.Next(&pair)) {
    if (reader.error() == isthmus::ErrorCode::kOk) *position = size;
    return false;
  }
  *key = isthmus::capi::Text(pair.key);
  *value = isthmus::capi::Text(pair.value);
  const char* const start = static_cast<const char*>(bytes);
  *position = static_cast<size_t>(pair.value.data() + pair.value.size() - start) + 1;
  return true;
}

size_t isthmus_write_target_name(void* out, size_t size, size_t used, const char* name) {
  if (out == nullptr || name == nullptr || used > size || !text::IsIscsiName(name)) return 0;
  text::SendTargetsWriter writer;
  writer.Begin({static_cast<std::byte*>(out) + used, size - used});
  return writer.AddTarget(name) ? used + writer.size() : 0;
}

size_t isthmus_write_target_address(void* out, size_t size, size_t used, const char* address,
                                    uint16_t portal_group_tag) {
  text::TargetAddress parsed;
  if (out == nullptr || address == nullptr || used > size ||
      !text::ParseTargetAddress(address, &parsed)) {
    return 0;
  }
  parsed.portal_group_tag = portal_group_tag;
  parsed.has_portal_group_tag = true;
  text::SendTargetsWriter writer;
  writer.Begin({static_cast<std::byte*>(out) + used, size - used});
  return writer.AddAddress(parsed) ? used + writer.size() : 0;
}

void isthmus_lun_encode(uint32_t number, uint8_t lun[8]) {
  const auto bytes = isthmus::wire::LunToBytes(isthmus::wire::LunFromNumber(number));
  std::memcpy(lun, bytes.data(), bytes.size());
}

bool isthmus_lun_decode(const uint8_t lun[8], uint32_t* number) {
  std::array<std::byte, 8> bytes;
  std::memcpy(bytes.data(), lun, bytes.size());
  return number != nullptr &&
         isthmus::wire::LunToNumber(isthmus::wire::LunFromBytes(bytes), number);
}

bool isthmus_is_name(const char* name) { return name != nullptr && text::IsIscsiName(name); }

}  // extern "C"
