// The handlers that the command table names, by the file that holds them.
#ifndef ISTHMUS_TARGET_SCSI_HANDLERS_H_
#define ISTHMUS_TARGET_SCSI_HANDLERS_H_

#include "target/scsi/command.h"

namespace isthmus::scsi {

// inquiry.cc
void Inquiry(Command& c);

// unit_commands.cc
void TestUnitReady(Command& c);
void RequestSense(Command& c);
void StartStopUnit(Command& c);
void PreventAllow(Command& c);
void Reserve(Command& c);
void Release(Command& c);
void ReadCapacity10(Command& c);
void ReadCapacity16(Command& c);
void ReadDefectData(Command& c);

// report.cc
void ReportLunsAlone(Command& c);
void ReportOperationCodes(Command& c);
void ReportTaskManagementFunctions(Command& c);

// mode_commands.cc
void ModeSense(Command& c);
void ModeSelect(Command& c);
void ModeSelectParameters(Command& c);

// block_commands.cc
void Read(Command& c);
void Write(Command& c);
void Verify(Command& c);
void WriteAndVerify(Command& c);
void CompareAndWrite(Command& c);
void OrWrite(Command& c);
void WriteSame(Command& c);
void UnmapBlocks(Command& c);
void UnmapParameters(Command& c);
void SynchronizeCache(Command& c);
void Prefetch(Command& c);
void GetLbaStatus(Command& c);

// persistent_reserve.cc
void PersistentReserveIn(Command& c);
void PersistentReserveOut(Command& c);
void PersistentReserveOutParameters(Command& c);

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_HANDLERS_H_
