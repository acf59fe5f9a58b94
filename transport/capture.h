// Packet capture: writes what passed over connections as pcapng that Wireshark and tshark read, with TCP and IP headers
// made up around the real bytes. RFC 7143 section 9.2.1: CHAP responses and secrets stay out of captures; login text is
// masked at equal length unless the user asks otherwise (digests do not cover the login, so the capture stays valid).
//
// Who owns which bytes: everything seen is copied into the file's buffer at once. CaptureFile is shared by threads;
// a CaptureTap belongs to one connection.
//
//   absl::StatusOr<std::unique_ptr<CaptureFile>> file = CaptureFile::Create(path, {});
//   CaptureTap tap(**file, socket.Local(), socket.Peer());
//   SocketDriver driver(std::move(socket), &tap);
#ifndef ISTHMUS_TRANSPORT_CAPTURE_H_
#define ISTHMUS_TRANSPORT_CAPTURE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/address.h"
#include "transport/socket_driver.h"

namespace isthmus::transport {

struct CaptureOptions {
  bool secrets = false;  // keep CHAP_R and passwords as they were on the wire
};

class CaptureFile {
 public:
  static absl::StatusOr<std::unique_ptr<CaptureFile>> Create(const std::string& path,
                                                             CaptureOptions options);
  ~CaptureFile();

  const CaptureOptions& options() const { return options_; }

  // One packet: an Ethernet-less IP packet, `header` then `payload`.
  void Write(std::span<const std::byte> header, std::span<const std::byte> payload);
  // Writes out what is buffered. Errors of earlier writes (disk full) show here.
  absl::Status Flush();

 private:
  CaptureFile(std::FILE* file, std::string path, CaptureOptions options)
      : file_(file), path_(std::move(path)), options_(options) {}

  std::mutex mutex_;
  std::FILE* file_;  // guarded by mutex_
  std::string path_;
  CaptureOptions options_;
};

// Masks the values of secret keys in the login phase of one direction of a stream, at equal length. Follows the framing of
// the login phase (no digests there) and stands aside from the first other PDU on.
class LoginMask {
 public:
  // Copies `bytes` to `out` (same length), masked.
  void Apply(std::span<const std::byte> bytes, std::byte* out);

 private:
  std::byte Step(std::byte b);
  std::byte StepText(std::byte b);

  bool over_ = false;
  std::array<std::byte, 48> header_{};
  uint32_t header_have_ = 0;
  uint64_t text_left_ = 0;  // AHS, data and padding of the current login PDU
  uint32_t skip_left_ = 0;  // AHS bytes, never masked
  uint64_t data_left_ = 0;
  // The key so far, from the last NUL on; masking while a secret key's value passes.
  std::array<char, 16> key_{};
  uint32_t key_size_ = 0;
  bool in_value_ = false;
  bool masking_ = false;
};

class CaptureTap : public Tap {
 public:
  // Writes the connection's three-way handshake, so that tools find the start of both streams.
  CaptureTap(CaptureFile& file, const Address& local, const Address& peer, bool local_connected);
  ~CaptureTap() override;

  void OnReceived(std::span<const std::byte> bytes) override;
  void OnSent(std::span<const std::byte> bytes) override;

 private:
  struct Direction {
    std::vector<std::byte> header;  // IP and TCP header template
    uint32_t sequence = 0;
    LoginMask mask;
  };
  void Packet(Direction& from, const Direction& to, uint8_t flags,
              std::span<const std::byte> payload);
  void Stream(Direction& from, const Direction& to, std::span<const std::byte> bytes);

  CaptureFile& file_;
  Direction local_;
  Direction peer_;
  std::vector<std::byte> scratch_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_CAPTURE_H_
