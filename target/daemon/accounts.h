// The CHAP accounts of iscsi_target as the engine takes them. The secrets stay in the SecretFile.
#ifndef ISTHMUS_TARGET_DAEMON_ACCOUNTS_H_
#define ISTHMUS_TARGET_DAEMON_ACCOUNTS_H_

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "target/connection.h"
#include "transport/secret_file.h"

namespace isthmus::target {

class Accounts {
 public:
  explicit Accounts(std::unique_ptr<transport::SecretFile> file) : file_(std::move(file)) {
    for (const transport::SecretEntry& entry : file_->initiators()) {
      Account account;
      account.user_name = entry.name;
      account.secret = entry.secret;
      account.mutual_name = file_->mutual().name;
      account.mutual_secret = file_->mutual().secret;
      list_.push_back(account);
    }
  }

  std::span<const Account> list() const { return list_; }

 private:
  std::unique_ptr<transport::SecretFile> file_;
  std::vector<Account> list_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_ACCOUNTS_H_
