// The results of many tests, as a table for people, JSON, and JUnit XML.
//
//   Report report("tgt");
//   report.Add(test, verdicts);           // one verdict a variation
//   std::fputs(report.Table().c_str(), stdout);
#ifndef ISTHMUS_FUZZ_HOSTILE_REPORT_H_
#define ISTHMUS_FUZZ_HOSTILE_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "fuzz/hostile/attack.h"

namespace isthmus::hostile {

class Report {
 public:
  explicit Report(std::string peer) : peer_(std::move(peer)) {}

  // `variations` name the runs that `verdicts` belong to. Failed if one failed; passed if one
  // passed; else not applicable.
  void Add(const Case& test, const std::vector<std::string>& variations,
           const std::vector<Verdict>& verdicts, double seconds);

  std::string Line() const;  // of the test that was added last
  std::string Summary() const;
  std::string Json() const;
  std::string JUnit() const;
  int failed() const { return Count(Verdict::kFail); }
  int passed() const { return Count(Verdict::kPass); }

 private:
  struct Row {
    const Case* test;
    Verdict::Kind kind;
    std::string text;
    int runs;  // that were applicable
    double seconds;
  };
  int Count(Verdict::Kind kind) const;

  std::string peer_;
  std::vector<Row> rows_;
};

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_REPORT_H_
