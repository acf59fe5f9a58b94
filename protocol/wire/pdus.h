// All PDUs of RFC 7143 section 11, for what treats every one of them: tables, dumps, docs, tests.
//
//   wire::ForEachPdu([]<class Pdu>(wire::PduType<Pdu>) { Use(wire::Layout<Pdu>::kName); });
#ifndef ISTHMUS_PROTOCOL_WIRE_PDUS_H_
#define ISTHMUS_PROTOCOL_WIRE_PDUS_H_

#include "protocol/wire/asynchronous_message.h"
#include "protocol/wire/data_in.h"
#include "protocol/wire/data_out.h"
#include "protocol/wire/field.h"
#include "protocol/wire/login_request.h"
#include "protocol/wire/login_response.h"
#include "protocol/wire/logout_request.h"
#include "protocol/wire/logout_response.h"
#include "protocol/wire/nop_in.h"
#include "protocol/wire/nop_out.h"
#include "protocol/wire/r2t.h"
#include "protocol/wire/reject.h"
#include "protocol/wire/scsi_command.h"
#include "protocol/wire/scsi_response.h"
#include "protocol/wire/snack_request.h"
#include "protocol/wire/task_management_function_request.h"
#include "protocol/wire/task_management_function_response.h"
#include "protocol/wire/text_request.h"
#include "protocol/wire/text_response.h"

namespace isthmus::wire {

template <class T>
struct PduType {
  using Pdu = T;
};

// Calls the function with a PduType of each PDU, in the order of section 11.
template <class Function>
constexpr void ForEachPdu(Function&& function) {
  function(PduType<ScsiCommand>());
  function(PduType<ScsiResponse>());
  function(PduType<TaskManagementFunctionRequest>());
  function(PduType<TaskManagementFunctionResponse>());
  function(PduType<DataOut>());
  function(PduType<DataIn>());
  function(PduType<R2t>());
  function(PduType<AsynchronousMessage>());
  function(PduType<TextRequest>());
  function(PduType<TextResponse>());
  function(PduType<LoginRequest>());
  function(PduType<LoginResponse>());
  function(PduType<LogoutRequest>());
  function(PduType<LogoutResponse>());
  function(PduType<SnackRequest>());
  function(PduType<Reject>());
  function(PduType<NopOut>());
  function(PduType<NopIn>());
}

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_PDUS_H_
