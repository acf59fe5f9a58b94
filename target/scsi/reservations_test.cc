#include <map>
#include <string>

#include "gtest/gtest.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

constexpr uint8_t kTypes[] = {1, 3, 5, 6, 7, 8};

class PersistentReserveTest : public testing::Test {
 protected:
  // PERSISTENT RESERVE OUT with the basic list; `flags` is its byte 20.
  Answer Out(Nexus* nexus, uint8_t action, uint64_t key, uint64_t new_key, uint8_t type = 0,
             uint8_t flags = 0) {
    return disk.RunAs(*nexus, 0, {0x5f, action, type, 0, 0, 0, 0, 0, 24, 0},
                      Join({Big(key, 8), Big(new_key, 8), Big(0, 4), {flags, 0, 0, 0}}));
  }
  Answer In(uint8_t action) { return disk.Run({0x5e, action, 0, 0, 0, 0, 0, 0xff, 0xff, 0}); }
  void RegisterBoth() {
    ASSERT_EQ(Out(a, 0, 0, 0xa).status, 0x00);
    ASSERT_EQ(Out(b, 0, 0, 0xb).status, 0x00);
  }
  int Tur(Nexus* nexus) { return disk.RunAs(*nexus, 0, {0x00, 0, 0, 0, 0, 0}).status; }
  uint32_t Attention(Nexus* nexus) { return disk.RunAs(*nexus, 0, {0x00, 0, 0, 0, 0, 0}).code(); }
  int ReadStatus(Nexus* nexus) {
    return disk.RunAs(*nexus, 0, {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}).status;
  }
  int WriteStatus(Nexus* nexus) {
    return disk.RunAs(*nexus, 0, {0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, Blocks(1, 1)).status;
  }

  DiskHarness disk;
  Nexus* a = disk.first;
  Nexus* b = disk.second;
};

TEST_F(PersistentReserveTest, RegisterKeepsKeysAndCountsGenerations) {
  EXPECT_EQ(In(0).data, Join({Big(0, 4), Big(0, 4)}));
  EXPECT_EQ(Out(a, 0, 5, 0xa).status, 0x18);  // not registered: the key must be 0
  EXPECT_EQ(Out(a, 0, 0, 0xa).status, 0x00);
  EXPECT_EQ(Out(b, 6, 99, 0xb).status, 0x00);  // and ignore existing key
  EXPECT_EQ(In(0).data, Join({Big(2, 4), Big(16, 4), Big(0xa, 8), Big(0xb, 8)}));
  EXPECT_EQ(Out(a, 0, 1, 0xaa).status, 0x18);
  EXPECT_EQ(Out(a, 0, 0xa, 0xaa).status, 0x00);
  EXPECT_EQ(Out(b, 0, 0xb, 0).status, 0x00);
  EXPECT_EQ(In(0).data, Join({Big(4, 4), Big(8, 4), Big(0xaa, 8)}));
  EXPECT_EQ(Out(b, 6, 0, 0).status, 0x00);  // unregistering what is not is nothing
  EXPECT_EQ(disk.Run({0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0}).data, Join({Big(4, 4), Big(8, 4)}));
}

TEST_F(PersistentReserveTest, CapabilitiesAndRefusedParameters) {
  EXPECT_EQ(In(2).data, (ByteList{0, 8, 0x08, 0x80, 0xea, 0x01, 0, 0}));
  EXPECT_EQ(Out(a, 0, 0, 1, 0, 0x01).code(), 0x052600u);  // APTPL: PTPL_C says so
  EXPECT_EQ(Out(a, 0, 0, 1, 0, 0x04).code(), 0x052600u);  // ALL_TG_PT
  EXPECT_EQ(In(0).data, Join({Big(0, 4), Big(0, 4)}));
  EXPECT_EQ(Out(a, 1, 0, 0, 0x02).code(), 0x052400u);  // obsolete type
  EXPECT_EQ(Out(a, 1, 0, 0, 0x11).code(), 0x052400u);  // scope
  EXPECT_EQ(Out(a, 8, 0, 0).code(), 0x052400u);
  EXPECT_EQ(In(4).code(), 0x052400u);
  EXPECT_EQ(disk.Run({0x5f, 0, 0, 0, 0, 0, 0, 0, 23, 0}, ByteList(23)).code(), 0x051a00u);
  EXPECT_EQ(disk.Run({0x5f, 0, 0, 0, 0, 0, 0, 0, 25, 0}, ByteList(25)).code(), 0x051a00u);
}

// SPC-4 table 66: what an unregistered and a registered nexus may do beside the holder.
TEST_F(PersistentReserveTest, AccessByType) {
  struct Row {
    int read_stranger, write_stranger, read_registered, write_registered;
  };
  const std::map<int, Row> rows = {{1, {0x00, 0x18, 0x00, 0x18}}, {3, {0x18, 0x18, 0x18, 0x18}},
                                   {5, {0x00, 0x18, 0x00, 0x00}}, {6, {0x18, 0x18, 0x00, 0x00}},
                                   {7, {0x00, 0x18, 0x00, 0x00}}, {8, {0x18, 0x18, 0x00, 0x00}}};
  ASSERT_EQ(Out(a, 0, 0, 0xa).status, 0x00);
  for (const uint8_t type : kTypes) {
    SCOPED_TRACE(int{type});
    const Row& row = rows.at(type);
    ASSERT_EQ(Out(a, 1, 0xa, 0, type).status, 0x00);
    EXPECT_EQ(ReadStatus(a), 0x00);
    EXPECT_EQ(WriteStatus(a), 0x00);
    EXPECT_EQ(ReadStatus(b), row.read_stranger);
    EXPECT_EQ(WriteStatus(b), row.write_stranger);
    EXPECT_EQ(Tur(b), 0x00);
    EXPECT_EQ(disk.RunAs(*b, 0, {0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0}).status, 0x00);
    EXPECT_EQ(disk.RunAs(*b, 0, {0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}).status, 0x00);
    EXPECT_EQ(disk.RunAs(*b, 0, {0x1b, 0, 0, 0, 0, 0}).status, 0x18);
    EXPECT_EQ(disk.RunAs(*b, 0, {0x1b, 0, 0, 0, 1, 0}).status, 0x00);
    ASSERT_EQ(Out(b, 0, 0, 0xb).status, 0x00);
    EXPECT_EQ(ReadStatus(b), row.read_registered);
    EXPECT_EQ(WriteStatus(b), row.write_registered);
    ASSERT_EQ(Out(b, 0, 0xb, 0).status, 0x00);
    ASSERT_EQ(Out(a, 2, 0xa, 0, type).status, 0x00);
  }
}

TEST_F(PersistentReserveTest, ReserveAndReadReservation) {
  RegisterBoth();
  EXPECT_EQ(In(1).data, Join({Big(2, 4), Big(0, 4)}));
  EXPECT_EQ(Out(a, 1, 0xb, 0, 1).status, 0x18);  // another's key
  EXPECT_EQ(Out(a, 1, 0xa, 0, 5).status, 0x00);
  EXPECT_EQ(Out(a, 1, 0xa, 0, 5).status, 0x00);  // again
  EXPECT_EQ(Out(a, 1, 0xa, 0, 6).status, 0x18);
  EXPECT_EQ(Out(b, 1, 0xb, 0, 5).status, 0x18);
  EXPECT_EQ(In(1).data, Join({Big(2, 4), Big(16, 4), Big(0xa, 8), Big(0, 4), {0, 0x05, 0, 0}}));
  EXPECT_EQ(Out(b, 2, 0xb, 0, 5).status, 0x00);  // not the holder: nothing happens
  EXPECT_EQ(Out(a, 2, 0xa, 0, 6).code(), 0x052604u);
  EXPECT_EQ(Out(a, 2, 0xa, 0, 5).status, 0x00);
  EXPECT_EQ(Attention(b), 0x062a04u);
  EXPECT_EQ(Attention(a), 0u);
  EXPECT_EQ(In(1).data, Join({Big(2, 4), Big(0, 4)}));
}

TEST_F(PersistentReserveTest, AllRegistrantsHoldTogether) {
  RegisterBoth();
  EXPECT_EQ(Out(a, 1, 0xa, 0, 8).status, 0x00);
  EXPECT_EQ(Out(b, 1, 0xb, 0, 8).status, 0x00);
  EXPECT_EQ(In(1).data, Join({Big(2, 4), Big(16, 4), Big(0, 8), Big(0, 4), {0, 0x08, 0, 0}}));
  EXPECT_EQ(Out(a, 0, 0xa, 0).status, 0x00);  // one leaves, the reservation stays
  EXPECT_EQ(WriteStatus(a), 0x18);
  EXPECT_EQ(Out(b, 0, 0xb, 0).status, 0x00);  // the last ends it
  EXPECT_EQ(WriteStatus(a), 0x00);
}

TEST_F(PersistentReserveTest, UnregisteringTheHolderReleases) {
  RegisterBoth();
  ASSERT_EQ(Out(a, 1, 0xa, 0, 5).status, 0x00);
  EXPECT_EQ(Out(a, 0, 0xa, 0).status, 0x00);
  EXPECT_EQ(Attention(b), 0x062a04u);
  EXPECT_EQ(WriteStatus(a), 0x00);
}

TEST_F(PersistentReserveTest, ClearTellsAllOthers) {
  RegisterBoth();
  ASSERT_EQ(Out(a, 1, 0xa, 0, 1).status, 0x00);
  EXPECT_EQ(Out(b, 3, 0xbad, 0).status, 0x18);
  EXPECT_EQ(Out(b, 3, 0xb, 0).status, 0x00);
  EXPECT_EQ(Attention(a), 0x062a03u);
  EXPECT_EQ(In(0).data, Join({Big(3, 4), Big(0, 4)}));
}

TEST_F(PersistentReserveTest, PreemptTakesTheReservationOver) {
  RegisterBoth();
  ASSERT_EQ(Out(a, 1, 0xa, 0, 1).status, 0x00);
  EXPECT_EQ(Out(b, 4, 0xb, 0, 3).code(), 0x052600u);  // key 0 names nobody here
  EXPECT_EQ(Out(b, 4, 0xb, 0xdead, 3).status, 0x18);
  EXPECT_EQ(Out(b, 4, 0xb, 0xa, 3).status, 0x00);
  EXPECT_EQ(Attention(a), 0x062a05u);
  EXPECT_EQ(WriteStatus(a), 0x18);
  EXPECT_EQ(WriteStatus(b), 0x00);
  EXPECT_EQ(disk.RunAs(*b, 0, {0x5e, 1, 0, 0, 0, 0, 0, 0, 255, 0}).data,
            Join({Big(3, 4), Big(16, 4), Big(0xb, 8), Big(0, 4), {0, 0x03, 0, 0}}));
}

TEST_F(PersistentReserveTest, PreemptOfAnotherKeyOnlyUnregisters) {
  RegisterBoth();
  Nexus* c = disk.device.Attach("iqn.2004-10.com.example:c,i,0x000000000003", 1);
  Attention(c);
  ASSERT_EQ(Out(c, 0, 0, 0xc).status, 0x00);
  ASSERT_EQ(Out(a, 1, 0xa, 0, 5).status, 0x00);
  EXPECT_EQ(Out(b, 4, 0xb, 0xc, 5).status, 0x00);
  EXPECT_EQ(Attention(c), 0x062a05u);
  EXPECT_EQ(Attention(a), 0u);
  EXPECT_EQ(WriteStatus(c), 0x18);
  EXPECT_EQ(WriteStatus(a), 0x00);
}

TEST_F(PersistentReserveTest, PreemptOfAllRegistrantsAndAbortNamesTheVictims) {
  RegisterBoth();
  ASSERT_EQ(Out(a, 1, 0xa, 0, 7).status, 0x00);
  EXPECT_EQ(Out(b, 5, 0xb, 0, 1).status, 0x00);
  const std::vector<NexusName> aborted = disk.unit.TakeAborted(*b->units[0]);
  ASSERT_EQ(aborted.size(), 1u);
  EXPECT_EQ(aborted[0].initiator_port, "iqn.2004-10.com.example:a,i,0x00023d000001");
  EXPECT_TRUE(disk.unit.TakeAborted(*b->units[0]).empty());
  EXPECT_EQ(Attention(a), 0x062a05u);
  EXPECT_EQ(WriteStatus(a), 0x18);
}

ByteList TransportId(std::string name) {
  name.resize((name.size() + 4) / 4 * 4);
  return Join({{0x45, 0}, Big(name.size(), 2), ByteList(name.begin(), name.end())});
}

TEST_F(PersistentReserveTest, RegisterAndMoveHandsTheReservationOn) {
  RegisterBoth();
  ASSERT_EQ(Out(a, 1, 0xa, 0, 3).status, 0x00);
  const auto move = [&](Nexus* from, uint64_t key, uint64_t new_key, const ByteList& id) {
    return disk.RunAs(*from, 0, Join({{0x5f, 7, 0, 0, 0}, Big(24 + id.size(), 4), {0}}),
                      Join({Big(key, 8), Big(new_key, 8), {0, 0x02, 0, 1}, Big(id.size(), 4), id}));
  };
  const ByteList to_b = TransportId("iqn.2004-10.com.example:B,i,0x00023D000002");
  EXPECT_EQ(move(b, 0xb, 0xbb, to_b).status, 0x18);  // not the holder
  EXPECT_EQ(move(a, 0xa, 0, to_b).code(), 0x052600u);
  EXPECT_EQ(move(a, 0xa, 1, TransportId("iqn.2004-10.com.example:a,i,0x00023d000001")).code(),
            0x052600u);
  EXPECT_EQ(move(a, 0xa, 1, Join({{0x05, 0}, Big(20, 2), ByteList(20)})).code(), 0x052600u);
  EXPECT_EQ(move(a, 0xa, 0xbb, to_b).status, 0x00);  // UNREG: a is gone
  EXPECT_EQ(WriteStatus(b), 0x00);
  EXPECT_EQ(WriteStatus(a), 0x18);
  EXPECT_EQ(disk.RunAs(*b, 0, {0x5e, 0, 0, 0, 0, 0, 0, 0, 255, 0}).data,
            Join({Big(3, 4), Big(8, 4), Big(0xbb, 8)}));
}

TEST_F(PersistentReserveTest, SpecIPtRegistersOthersAndFullStatusNamesThem) {
  const ByteList id = TransportId("iqn.2004-10.com.example:b,i,0x00023d000002");
  const ByteList list =
      Join({Big(0, 8), Big(0xa, 8), Big(0, 4), {0x08, 0, 0, 0}, Big(id.size(), 4), id});
  const ByteList cdb = Join({{0x5f, 0, 0, 0, 0}, Big(list.size(), 4), {0}});
  ASSERT_EQ(disk.Run(cdb, list).status, 0x00);
  ASSERT_EQ(Out(a, 1, 0xa, 0, 1).status, 0x00);
  const ByteList id_a = TransportId("iqn.2004-10.com.example:a,i,0x00023d000001");
  const auto descriptor = [](uint8_t holder, uint8_t type, const ByteList& transport_id) {
    return Join({Big(0xa, 8),
                 Big(0, 4),
                 {holder, type},
                 Big(0, 4),
                 Big(1, 2),
                 Big(transport_id.size(), 4),
                 transport_id});
  };
  const ByteList full = Join({descriptor(1, 1, id_a), descriptor(0, 0, id)});
  EXPECT_EQ(In(3).data, Join({Big(1, 4), Big(full.size(), 4), full}));
  ByteList lying = list;
  lying[27] = 200;
  EXPECT_EQ(disk.Run(cdb, lying).code(), 0x051a00u);
}

TEST_F(PersistentReserveTest, OutlivesSessionsAndResets) {
  RegisterBoth();
  ASSERT_EQ(Out(a, 1, 0xa, 0, 1).status, 0x00);
  disk.device.Detach(a);
  disk.unit.Reset();
  Attention(b);
  EXPECT_EQ(WriteStatus(b), 0x18);
  a = disk.device.Attach("iqn.2004-10.com.example:A,i,0x00023D000001", 1);  // the same nexus again
  Attention(a);
  EXPECT_EQ(WriteStatus(a), 0x00);
}

TEST_F(PersistentReserveTest, ResourcesEnd) {
  for (int i = 0; i < 120; ++i) {
    Nexus* nexus =
        disk.device.Attach("iqn.2004-10.com.example:n,i,0x" + std::to_string(100000000000 + i), 1);
    Attention(nexus);
    ASSERT_EQ(Out(nexus, 0, 0, 1).status, 0x00);
  }
  EXPECT_EQ(Out(a, 0, 0, 0xa).code(), 0x055504u);
  EXPECT_LE(In(3).data.size(), size_t{kMaxResponseBytes});
}

TEST_F(PersistentReserveTest, LegacyReservations) {
  for (const uint8_t reserve : {0x16, 0x56}) {
    SCOPED_TRACE(int{reserve});
    const uint8_t release = reserve + 1;
    EXPECT_EQ(disk.Run({reserve}).status, 0x00);
    EXPECT_EQ(disk.Run({reserve}).status, 0x00);
    EXPECT_EQ(disk.RunOther({reserve}).status, 0x18);
    EXPECT_EQ(Tur(b), 0x18);
    EXPECT_EQ(ReadStatus(b), 0x18);
    EXPECT_EQ(disk.RunOther({0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0}).status, 0x18);
    EXPECT_EQ(disk.RunOther({0x12, 0, 0, 0, 36, 0}).status, 0x00);
    EXPECT_EQ(disk.RunOther({0x03, 0, 0, 0, 18, 0}).status, 0x00);
    EXPECT_EQ(disk.RunOther({release}).status, 0x00);  // no effect
    EXPECT_EQ(Tur(b), 0x18);
    EXPECT_EQ(disk.Run({release}).status, 0x00);
    EXPECT_EQ(Tur(b), 0x00);
  }
  EXPECT_EQ(disk.Run({0x16, 0x10, 0, 0, 0, 0}).code(), 0x052400u);  // third party
  ASSERT_EQ(disk.Run({0x16}).status, 0x00);
  disk.unit.Reset();
  Attention(b);
  EXPECT_EQ(Tur(b), 0x00);
  Attention(a);
  RegisterBoth();
  EXPECT_EQ(disk.Run({0x16}).status, 0x18);  // both kinds do not go together
  EXPECT_EQ(disk.Run({0x17}).status, 0x18);
}

}  // namespace
}  // namespace isthmus::scsi
